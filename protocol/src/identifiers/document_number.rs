//! Document numbers: one per account, that is per device of a person.

use serde::{Deserialize, Serialize};

use super::{CertificateLevel, IdentifierError, SemanticsIdentifier, text_identifier};
use crate::random::{RandomError, random_octets};

/// An account: `<semantics identifier>-XXXX-Q` or `-NQ`, e.g. `PNOEE-48010010101-K2GN-Q`.
///
/// Read from the right, because the identifier may contain hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentNumber(String);

impl DocumentNumber {
    /// Puts a number together; `suffix` is four capitals or digits.
    pub fn new(
        person: &SemanticsIdentifier,
        suffix: &str,
        level: CertificateLevel,
    ) -> Result<Self, IdentifierError> {
        format!("{person}-{suffix}-{}", level.suffix()).parse()
    }

    /// Draws the four characters of a new number. Letters and digits that look alike are left out.
    pub fn draw_suffix() -> Result<String, RandomError> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        Ok(random_octets(4)?
            .into_iter()
            .map(|octet| char::from(ALPHABET[usize::from(octet % 32)]))
            .collect())
    }

    /// Whose account it is.
    pub fn person(&self) -> SemanticsIdentifier {
        let text = &self.0[..self.0.len() - self.level().suffix().len() - 6];
        // It was judged when this number was read.
        SemanticsIdentifier::from_judged(text)
    }

    /// The level of its certificates.
    pub fn level(&self) -> CertificateLevel {
        if self.0.ends_with("-NQ") {
            CertificateLevel::Advanced
        } else {
            CertificateLevel::Qualified
        }
    }
}

impl std::str::FromStr for DocumentNumber {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_document_number(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentifierError::expected(
                "a document number such as PNOEE-48010010101-K2GN-Q",
            ))
        }
    }
}

fn is_document_number(text: &str) -> bool {
    let mut parts = text.rsplitn(3, '-');
    let (Some(level), Some(suffix), Some(person)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    matches!(level, "Q" | "NQ")
        && suffix.len() == 4
        && suffix
            .bytes()
            .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
        && person.parse::<SemanticsIdentifier>().is_ok()
}

text_identifier!(DocumentNumber);
