//! The freshness token: it rotates with each signature, so that a copied device shows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random::{RandomError, random_octets};

/// 32 random octets in Base64url without padding, 43 characters. Wiped when dropped.
pub struct FreshnessToken(Zeroizing<String>);

impl FreshnessToken {
    /// Draws a new one.
    pub fn draw() -> Result<Self, RandomError> {
        let octets = Zeroizing::new(random_octets(32)?);
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*octets))))
    }

    /// Reads one from a message.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        match URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new) {
            Ok(octets) if octets.len() == 32 => Ok(Self(Zeroizing::new(text.to_owned()))),
            _ => Err(TokenError),
        }
    }

    /// The text, for a message or for the device's own file.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: what the service keeps.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Whether this is the token whose digest was kept; takes the same time either way.
    pub fn matches(&self, digest: &[u8]) -> bool {
        self.digest().as_slice().ct_eq(digest).into()
    }
}

impl std::fmt::Debug for FreshnessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshnessToken(..)")
    }
}

/// A text is no freshness token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a freshness token is 32 octets in Base64url")]
pub struct TokenError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_drawn_anew_each_time() {
        let (one, other) = (
            FreshnessToken::draw().unwrap(),
            FreshnessToken::draw().unwrap(),
        );
        assert_eq!(one.as_str().len(), 43);
        assert_ne!(one.as_str(), other.as_str());
    }

    #[test]
    fn is_recognised_by_its_digest_alone() {
        let token = FreshnessToken::draw().unwrap();
        let read = FreshnessToken::parse(token.as_str()).unwrap();
        assert!(read.matches(&token.digest()));
        assert!(!read.matches(&FreshnessToken::draw().unwrap().digest()));
        assert!(!read.matches(&token.digest()[..31]));
        assert!(!read.matches(&[]));
    }

    #[test]
    fn is_never_printed() {
        let token = FreshnessToken::draw().unwrap();
        assert_eq!(format!("{token:?}"), "FreshnessToken(..)");
    }

    #[test]
    fn nothing_else_is_read() {
        for text in ["", "AAAA", &"A".repeat(44), &format!("{}=", "A".repeat(43))] {
            assert_eq!(FreshnessToken::parse(text).unwrap_err(), TokenError);
        }
    }
}
