//! A PIN on its way from a person to the hardware.

use zeroize::Zeroizing;

/// The longest PIN, in digits.
pub const MAX_DIGITS: usize = 12;
/// The shortest PIN, in digits.
pub const MIN_DIGITS: usize = 4;

/// A PIN: 4 to 12 ASCII digits, wiped when dropped, never copied or printed.
///
/// Whether it is good enough to be *set* is for `symbolon_protocol::pin_rules`; whether it is
/// right, only for the hardware.
pub struct Pin {
    digits: Zeroizing<[u8; MAX_DIGITS]>,
    length: usize,
}

impl Pin {
    /// Takes a PIN as it was typed. The caller wipes its own buffer.
    pub fn parse(typed: &[u8]) -> Result<Self, PinSyntaxError> {
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&typed.len()) {
            return Err(PinSyntaxError::Length);
        }
        if !typed.iter().all(u8::is_ascii_digit) {
            return Err(PinSyntaxError::NotDigits);
        }
        let mut digits = Zeroizing::new([0; MAX_DIGITS]);
        digits[..typed.len()].copy_from_slice(typed);
        Ok(Self {
            digits,
            length: typed.len(),
        })
    }

    /// The digits, for the hardware's backend and the rules for new PINs alone.
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// Why something typed cannot be a PIN. No hardware saw it, and no try was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinSyntaxError {
    /// Too short or too long.
    #[error("a PIN has {MIN_DIGITS} to {MAX_DIGITS} digits")]
    Length,
    /// Something other than 0 to 9.
    #[error("a PIN has digits only")]
    NotDigits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_four_to_twelve_digits() {
        assert_eq!(Pin::parse(b"0123").unwrap().digits(), b"0123");
        assert_eq!(
            Pin::parse(b"012345678901").unwrap().digits(),
            b"012345678901"
        );
        assert_eq!(Pin::parse(b"012").unwrap_err(), PinSyntaxError::Length);
        assert_eq!(
            Pin::parse(b"0123456789012").unwrap_err(),
            PinSyntaxError::Length
        );
        assert_eq!(Pin::parse(b"12 4").unwrap_err(), PinSyntaxError::NotDigits);
        assert_eq!(
            Pin::parse("12３4".as_bytes()).unwrap_err(),
            PinSyntaxError::NotDigits
        );
    }

    #[test]
    fn is_never_printed() {
        assert_eq!(format!("{:?}", Pin::parse(b"271828").unwrap()), "Pin(..)");
    }
}
