//! Reading a secret from a pipe: bounded, with a deadline, wiped. What is there already is taken at
//! once; whoever waits does so off the runtime's threads.

use std::io::IoSliceMut;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ReadWriteFlags, preadv2, read as read_blocking};
use symbolon_protocol::device_link;
use zbus::zvariant::OwnedFd;
use zeroize::Zeroizing;

use crate::bus::fault::{Fault, FaultKind};

/// No PIN and no code is longer, and no more is read.
const LONGEST: usize = 64;
/// The writer has the secret at hand before it calls.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a pipe holds up to its end, without one line feed at the end.
pub(super) async fn read(pipe: OwnedFd) -> Result<Zeroizing<Vec<u8>>, Fault> {
    read_at_most(pipe, LONGEST).await
}

/// The same as text.
pub(super) async fn read_text(pipe: OwnedFd) -> Result<Zeroizing<String>, Fault> {
    as_text(&read(pipe).await?)
}

/// A device link, which is longer than other secrets.
pub(super) async fn read_link(pipe: OwnedFd) -> Result<Zeroizing<String>, Fault> {
    as_text(&read_at_most(pipe, device_link::MAX_LENGTH).await?)
}

async fn read_at_most(pipe: OwnedFd, longest: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut secret = Secret::new(longest);
    if secret.take_what_is_there(&pipe).is_err() {
        let waited = tokio::task::spawn_blocking(move || secret.wait_for_it(&pipe));
        secret = waited
            .await
            .map_err(|error| unreadable(&error.to_string()))?
            .map_err(|detail| unreadable(&detail))?;
    }
    secret.whole().map_err(|detail| unreadable(&detail))
}

fn as_text(octets: &[u8]) -> Result<Zeroizing<String>, Fault> {
    std::str::from_utf8(octets)
        .map(|text| Zeroizing::new(text.trim().to_owned()))
        .map_err(|_| unreadable("it is no text"))
}

/// A secret as it comes.
struct Secret {
    /// One octet longer than any, and of its final size from the start: growing would leave copies
    /// behind.
    buffer: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Secret {
    fn new(longest: usize) -> Self {
        Self {
            buffer: Zeroizing::new(vec![0; longest + 1]),
            length: 0,
        }
    }

    /// Reads to the end, if it is all there. A pipe can say so since Linux 6.4; an error says that
    /// somebody must wait.
    fn take_what_is_there(&mut self, pipe: &OwnedFd) -> Result<(), Errno> {
        // No position: a pipe has none.
        const HERE: u64 = u64::MAX;
        while self.take(|free| {
            preadv2(
                pipe,
                &mut [IoSliceMut::new(free)],
                HERE,
                ReadWriteFlags::NOWAIT,
            )
        })? {}
        Ok(())
    }

    /// Reads to the end, or for as long as somebody may take who has the secret at hand.
    fn wait_for_it(mut self, pipe: &OwnedFd) -> Result<Self, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            wait_until_readable(pipe, deadline)?;
            match self.take(|free| read_blocking(pipe, free)) {
                Ok(true) | Err(Errno::INTR | Errno::AGAIN) => {}
                Ok(false) => return Ok(self),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Reads once. Whether there may be more that matters.
    fn take(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) -> Result<bool, Errno> {
        let taken = read(&mut self.buffer[self.length..])?;
        self.length += taken;
        Ok(taken > 0 && self.length < self.buffer.len())
    }

    fn whole(mut self) -> Result<Zeroizing<Vec<u8>>, String> {
        if self.length == self.buffer.len() {
            let longest = self.buffer.len() - 1;
            return Err(format!("it is longer than {longest} octets"));
        }
        if self.buffer[..self.length].ends_with(b"\n") {
            self.length -= 1;
        }
        self.buffer.truncate(self.length);
        Ok(self.buffer)
    }
}

fn wait_until_readable(pipe: &OwnedFd, deadline: Instant) -> Result<(), String> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(|error| error.to_string())?;
    let mut waits = [PollFd::new(pipe, PollFlags::IN)];
    match poll(&mut waits, Some(&timeout)) {
        Ok(0) => Err(format!("nothing came within {} s", DEADLINE.as_secs())),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn unreadable(detail: &str) -> Fault {
    Fault::with_remedy(
        FaultKind::InvalidArgument,
        format!("what should have come through a pipe cannot be read: {detail}"),
        "write it, close the pipe, and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pipe_with(content: &[u8]) -> OwnedFd {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(content).unwrap();
        std::os::fd::OwnedFd::from(reader).into()
    }

    #[tokio::test]
    async fn reads_to_the_end_without_the_last_line_feed() {
        assert_eq!(read(pipe_with(b"1234")).await.unwrap().as_slice(), b"1234");
        assert_eq!(
            read(pipe_with(b"1234\n")).await.unwrap().as_slice(),
            b"1234"
        );
        assert_eq!(read(pipe_with(b"")).await.unwrap().as_slice(), b"");
        assert_eq!(
            read_text(pipe_with(b" ab-cd \n")).await.unwrap().as_str(),
            "ab-cd"
        );
    }

    #[tokio::test]
    async fn reads_no_more_than_a_secret_can_be() {
        assert!(read(pipe_with(&[b'1'; LONGEST])).await.is_ok());
        let fault = read(pipe_with(&[b'1'; LONGEST + 1])).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::InvalidArgument);
    }

    #[tokio::test]
    async fn waits_for_a_writer_who_is_not_done() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"12").unwrap();
        let read = tokio::spawn(read(std::os::fd::OwnedFd::from(reader).into()));
        tokio::task::yield_now().await;
        writer.write_all(b"34\n").unwrap();
        drop(writer);
        assert_eq!(read.await.unwrap().unwrap().as_slice(), b"1234");
    }

    #[tokio::test]
    async fn does_not_wait_for_ever_for_a_silent_writer() {
        let (reader, writer) = std::io::pipe().unwrap();
        let fault = read(std::os::fd::OwnedFd::from(reader).into())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::InvalidArgument);
        drop(writer);
    }
}
