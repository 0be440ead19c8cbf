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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// The first is the Smart-ID RP API documentation's; all three agree with its Java client.
    #[test]
    fn is_what_everybody_computes() {
        let documented = STANDARD
            .decode("GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==")
            .unwrap();
        assert_eq!(for_challenge(&documented).as_str(), "7180");
        let counting: Vec<u8> = (0..64).collect();
        assert_eq!(for_challenge(&counting).as_str(), "4360");
        assert_eq!(for_challenge(b"test_challenge").to_string(), "9158");
    }

    #[test]
    fn has_four_digits_always() {
        assert_eq!(VerificationCode::from_number(0).as_str(), "0000");
        assert_eq!(VerificationCode::from_number(10_007).as_str(), "0007");
        assert_eq!(VerificationCode::from_number(u16::MAX).as_str(), "5535");
        for _ in 0..100 {
            let drawn = VerificationCode::draw().unwrap();
            assert_eq!(drawn.as_str().parse(), Ok(drawn));
        }
    }

    #[test]
    fn reads_four_digits_and_nothing_else() {
        assert_eq!("0420".parse::<VerificationCode>().unwrap().as_str(), "0420");
        for text in ["", "420", "04200", "04 2", "+420", "٠٤٢٠", "12a4"] {
            assert_eq!(text.parse::<VerificationCode>(), Err(NotFourDigits));
        }
    }
}
