//! Messages over a socket pair that keeps their bounds. Buffers are wiped: PINs pass through them.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::retry_on_intr;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    socketpair,
};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// The longest message, in octets: far more than the words of an examination take.
const LONGEST: usize = 64 * 1024;

/// One end of a socket pair.
pub(crate) struct Socket {
    /// Shared with whoever may have to cut the connection while somebody waits at it.
    end: Arc<OwnedFd>,
    /// Of full length from the beginning: what grows leaves copies behind that nothing wipes.
    buffer: Zeroizing<Vec<u8>>,
}

impl Socket {
    pub(crate) fn new(end: OwnedFd) -> Self {
        Self {
            end: Arc::new(end),
            buffer: Zeroizing::new(vec![0; LONGEST]),
        }
    }

    /// Both ends of a new connection. Neither outlives `exec` by accident.
    pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
        Ok(socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?)
    }

    pub(crate) fn end(&self) -> &Arc<OwnedFd> {
        &self.end
    }

    /// Sends a message. `InvalidData` is one that is too long; nothing of it was sent.
    pub(crate) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.encoded(message, |end, octets| {
            retry_on_intr(|| send(end, octets, SendFlags::NOSIGNAL))
        })
    }

    /// Sends a message, and with it an open file.
    pub(crate) fn send_with(
        &mut self,
        message: &impl Serialize,
        file: impl AsFd,
    ) -> io::Result<()> {
        let files = [file.as_fd()];
        self.encoded(message, |end, octets| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&files));
            let octets = [io::IoSlice::new(octets)];
            retry_on_intr(|| sendmsg(end, &octets, &mut ancillary, SendFlags::NOSIGNAL))
        })
    }

    /// The next message; `None` once the other end is closed.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let (_, length) =
            retry_on_intr(|| recv(&*self.end, &mut self.buffer[..], RecvFlags::empty()))?;
        self.decode(length)
    }

    /// The next message, and the open file that came with it.
    pub(crate) fn receive_with<T: DeserializeOwned>(
        &mut self,
    ) -> io::Result<Option<(T, Option<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            recvmsg(
                &*self.end,
                &mut [io::IoSliceMut::new(&mut self.buffer)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            )
        })?;
        let file = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        let message = self.decode(received.bytes)?;
        Ok(message.map(|message| (message, file)))
    }

    fn encoded(
        &mut self,
        message: &impl Serialize,
        send: impl FnOnce(&OwnedFd, &[u8]) -> rustix::io::Result<usize>,
    ) -> io::Result<()> {
        let octets = match postcard::to_slice(message, &mut self.buffer) {
            Ok(octets) => octets,
            Err(error) => {
                self.buffer.as_mut_slice().zeroize();
                return Err(invalid(error));
            }
        };
        let sent = send(&self.end, octets);
        octets.zeroize();
        sent?;
        Ok(())
    }

    fn decode<T: DeserializeOwned>(&mut self, length: usize) -> io::Result<Option<T>> {
        if length == 0 {
            return Ok(None);
        }
        let octets = &mut self.buffer[..length];
        let message = postcard::from_bytes(octets);
        octets.zeroize();
        message.map(Some).map_err(invalid)
    }
}

fn invalid(error: postcard::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Octets that are wiped when they were used.
pub(crate) struct Secret(pub(crate) Zeroizing<Vec<u8>>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Secret;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("octets")
            }

            fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<Secret, E> {
                Ok(Secret(Zeroizing::new(octets.to_vec())))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn pair() -> (Socket, Socket) {
        let (one, other) = Socket::pair().unwrap();
        (Socket::new(one), Socket::new(other))
    }

    #[test]
    fn what_was_sent_arrives_and_stays_in_neither_buffer() {
        let (mut one, mut other) = pair();
        let secret = || Secret(Zeroizing::new(b"70312".to_vec()));
        one.send(&(secret(), 7_u32)).unwrap();
        let (arrived, number) = other.receive::<(Secret, u32)>().unwrap().unwrap();
        assert_eq!((&arrived.0[..], number), (&b"70312"[..], 7));
        for socket in [&one, &other] {
            assert!(socket.buffer.iter().all(|octet| *octet == 0));
        }
    }

    #[test]
    fn a_message_too_long_is_refused_and_leaves_nothing() {
        let (mut one, mut other) = pair();
        let refused = one.send(&vec![1_u8; LONGEST]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert!(one.buffer.iter().all(|octet| *octet == 0));
        one.send(&1_u8).unwrap();
        assert_eq!(other.receive::<u8>().unwrap(), Some(1));
    }

    #[test]
    fn an_open_file_goes_along() {
        let (mut one, mut other) = pair();
        let (ours, theirs) = Socket::pair().unwrap();
        one.send_with(&1_u8, &theirs).unwrap();
        drop(theirs);
        let (_, file) = other.receive_with::<u8>().unwrap().unwrap();
        let mut through = Socket::new(file.unwrap());
        assert!(through.end().as_raw_fd() > 2);
        Socket::new(ours).send(&2_u8).unwrap();
        assert_eq!(through.receive::<u8>().unwrap(), Some(2));
        // The other end is gone.
        assert_eq!(through.receive::<u8>().unwrap(), None);
    }
}
