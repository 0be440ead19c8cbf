//! What a person typed, on its way to the daemon.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use zeroize::Zeroizing;

/// The longest answer taken from a prompt, in octets. A PIN has 4 to 12 digits; the daemon judges.
const CAPACITY: usize = 64;

/// A typed PIN: wiped when dropped, never copied or printed.
pub(crate) struct Secret {
    octets: Zeroizing<[u8; CAPACITY]>,
    length: usize,
}

impl Secret {
    pub(crate) fn empty() -> Self {
        Self {
            octets: Zeroizing::new([0; CAPACITY]),
            length: 0,
        }
    }

    /// Appends one octet; false if there is no room.
    #[must_use]
    pub(crate) fn push(&mut self, octet: u8) -> bool {
        let Some(place) = self.octets.get_mut(self.length) else {
            return false;
        };
        *place = octet;
        self.length += 1;
        true
    }

    /// The reading end of a pipe that holds the PIN and nothing more: how it travels to the
    /// daemon, past every bus monitor.
    pub(crate) fn into_pipe(self) -> io::Result<OwnedFd> {
        let (reading, writing) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        File::from(writing).write_all(self.octets())?;
        Ok(reading)
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn secret(text: &str) -> Secret {
        let mut secret = Secret::empty();
        assert!(text.bytes().all(|octet| secret.push(octet)));
        secret
    }

    #[test]
    fn is_never_printed() {
        let printed = format!("{:?} {:#?}", secret("271828"), Some(secret("271828")));
        assert!(!printed.contains("27"), "{printed}");
        // The digits as a list of numbers would be the other way to leak them.
        assert!(!printed.contains("50"), "{printed}");
    }

    #[test]
    fn travels_through_a_pipe_that_then_ends() {
        let mut text = String::new();
        File::from(secret("271828").into_pipe().unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "271828");
    }

    #[test]
    fn takes_no_more_than_its_capacity() {
        let mut full = secret(&"1".repeat(CAPACITY));
        assert!(!full.push(b'1'));
    }
}
