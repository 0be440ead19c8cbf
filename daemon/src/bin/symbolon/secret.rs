//! What a person typed or a script passed, in memory that is wiped.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use symbolon_daemon::bus::client::secret_pipe;
use zeroize::Zeroizing;

/// The longest secret taken: more than any enrolment code, fewer octets than the daemon reads.
const CAPACITY: usize = 64;

/// A PIN or a one-time code; wiped when dropped, never copied or printed.
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

    /// Takes the last octet away; false if there is none.
    pub(crate) fn pop(&mut self) -> bool {
        let Some(last) = self.length.checked_sub(1) else {
            return false;
        };
        self.octets[last] = 0;
        self.length = last;
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether both are the same. Not in constant time: both were just typed by one person.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }

    /// The reading end of a pipe that holds it, as the daemon takes it.
    pub(crate) fn pipe(&self) -> std::io::Result<OwnedFd> {
        secret_pipe(self.octets())
    }

    /// For answers that are no secret.
    pub(crate) fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.octets())
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
    use super::*;

    #[test]
    fn is_never_printed() {
        let mut secret = Secret::empty();
        assert!(b"271828".iter().all(|octet| secret.push(*octet)));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn takes_back_what_was_typed() {
        let (mut typed, mut meant) = (Secret::empty(), Secret::empty());
        assert!(typed.push(b'1') && typed.push(b'9') && meant.push(b'1'));
        assert!(!typed.matches(&meant));
        assert!(typed.pop());
        assert!(typed.matches(&meant));
        assert!(typed.pop() && !typed.pop());
        assert!(typed.is_empty());
    }
}
