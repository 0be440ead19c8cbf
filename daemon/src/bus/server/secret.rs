//! Reading a secret from a pipe: bounded, with a deadline, off the runtime's threads, wiped.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
    tokio::task::spawn_blocking(move || read_now(&pipe, longest))
        .await
        .map_err(|error| unreadable(&error.to_string()))?
        .map_err(|detail| unreadable(&detail))
}

fn as_text(octets: &[u8]) -> Result<Zeroizing<String>, Fault> {
    std::str::from_utf8(octets)
        .map(|text| Zeroizing::new(text.trim().to_owned()))
        .map_err(|_| unreadable("it is no text"))
}

fn read_now(pipe: &OwnedFd, longest: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let deadline = Instant::now() + DEADLINE;
    // Its final size from the start: growing would leave copies behind.
    let mut buffer = Zeroizing::new(vec![0; longest + 1]);
    let mut length = 0;
    loop {
        wait_until_readable(pipe, deadline)?;
        match rustix::io::read(pipe, &mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.to_string()),
        }
        if length > longest {
            return Err(format!("it is longer than {longest} octets"));
        }
    }
    if length > 0 && buffer[length - 1] == b'\n' {
        length -= 1;
    }
    buffer.truncate(length);
    Ok(buffer)
}

fn wait_until_readable(pipe: &OwnedFd, deadline: Instant) -> Result<(), String> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).map_err(|error| error.to_string())?;
    let mut waits = [PollFd::new(pipe, PollFlags::IN)];
    match poll(&mut waits, Some(&timeout)) {
        Ok(0) => Err(format!("nothing came within {} s", DEADLINE.as_secs())),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
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
    async fn does_not_wait_for_ever_for_a_silent_writer() {
        let (reader, writer) = std::io::pipe().unwrap();
        let fault = read(std::os::fd::OwnedFd::from(reader).into())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::InvalidArgument);
        drop(writer);
    }
}
