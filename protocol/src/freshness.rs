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
