//! The token's PIN and where it comes from.

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::error::HsmError;
use crate::process::Secret;

/// More than any token's PIN has, in octets; what is longer is something else.
pub const LONGEST_PIN: usize = 256;

/// A token's user PIN: wiped when dropped, never printed.
pub struct TokenPin(Zeroizing<Box<str>>);

impl TokenPin {
    /// Takes a PIN as a file or a credential holds it; one trailing line end is not part of it.
    pub fn from_octets(octets: Zeroizing<Vec<u8>>) -> Result<Self, HsmError> {
        let text = std::str::from_utf8(&octets)
            .map_err(|_| HsmError::PinUnavailable("it is not UTF-8".to_owned()))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(HsmError::PinUnavailable("it is empty".to_owned()));
        }
        // `Box<str>` from a slice is allocated at its exact length: nothing is left behind unwiped.
        Ok(Self(Zeroizing::new(Box::from(text))))
    }

    /// The same PIN once more, for who had to keep it because nobody can be asked again.
    pub fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// The PIN's octets, on their way to the module's process.
    pub(crate) fn into_secret(self) -> Secret {
        Secret(Zeroizing::new(self.0.as_bytes().to_vec()))
    }

    /// The PIN as the module takes it; wiped when dropped.
    pub(crate) fn into_auth_pin(mut self) -> AuthPin {
        AuthPin::new(std::mem::take(&mut *self.0))
    }
}

impl std::fmt::Debug for TokenPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenPin(..)")
    }
}

/// Where the PIN comes from. It is asked at each login, so that no process keeps the PIN in memory
/// for the sake of a login that may become necessary.
pub trait PinSource: Send + Sync {
    /// Reads the PIN.
    fn pin(&self) -> Result<TokenPin, HsmError>;

    /// Told that the token refused the PIN. True if this source has forgotten it and will come
    /// with another one, if any: it may be asked again. Else it is not.
    fn forgets_refused(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(octets: &[u8]) -> Result<TokenPin, HsmError> {
        TokenPin::from_octets(Zeroizing::new(octets.to_vec()))
    }

    #[test]
    fn nothing_and_noise_are_no_pin() {
        assert!(matches!(parsed(b"\n"), Err(HsmError::PinUnavailable(_))));
        assert!(matches!(parsed(b""), Err(HsmError::PinUnavailable(_))));
        assert!(matches!(
            parsed(&[0xff, 0xfe]),
            Err(HsmError::PinUnavailable(_))
        ));
    }

    #[test]
    fn is_never_printed() {
        assert_eq!(format!("{:?}", parsed(b"271828").unwrap()), "TokenPin(..)");
    }
}
