//! The four digits that a person compares between two screens.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::random::{RandomError, random_octets};

/// Four digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerificationCode(String);

/// The code of a notification authentication: the last two octets of the challenge's SHA-256, big
/// endian, modulo 10000. Both sides compute it.
pub fn for_challenge(challenge: &[u8]) -> VerificationCode {
    let digest = Sha256::digest(challenge);
    VerificationCode::from_number(u16::from_be_bytes([digest[30], digest[31]]))
}

impl VerificationCode {
    /// Draws the code of a signature, which the service chooses.
    pub fn draw() -> Result<Self, RandomError> {
        // Of 65536 values the last 5536 would make low codes likelier.
        loop {
            let octets = random_octets(2)?;
            let number = u16::from_be_bytes([octets[0], octets[1]]);
            if number < 60_000 {
                return Ok(Self::from_number(number));
            }
        }
    }

    /// The four digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_number(number: u16) -> Self {
        Self(format!("{:04}", number % 10_000))
    }
}

impl std::fmt::Display for VerificationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<VerificationCode> for String {
    fn from(code: VerificationCode) -> Self {
        code.0
    }
}

impl TryFrom<String> for VerificationCode {
    type Error = NotFourDigits;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 4 && text.bytes().all(|character| character.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(NotFourDigits)
        }
    }
}

impl std::str::FromStr for VerificationCode {
    type Err = NotFourDigits;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

/// A text is no verification code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verification code has four digits")]
pub struct NotFourDigits;
