//! Semantics identifiers of natural persons.

use serde::{Deserialize, Serialize};

use super::{BirthDate, IdentifierError, text_identifier};

/// An ETSI EN 319 412-1 natural person identifier, e.g. `PNOEE-48010010101`.
///
/// The kind (`PNO`, `PAS`, `IDC`), two capitals for the country, a hyphen, and a code of ASCII
/// letters, digits and inner hyphens (`PNOLV-020100-29990`). The standard allows more in a code;
/// nothing else occurs, and so much is safe in a path, a certificate and a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SemanticsIdentifier(String);

/// A document number is at most seven characters longer, and must fit an X.520 common name of 64.
const MAX_LENGTH: usize = 56;

impl SemanticsIdentifier {
    /// The country's two letters, e.g. `EE`.
    pub fn country(&self) -> &str {
        &self.0[3..5]
    }

    /// The code after the first hyphen, e.g. `48010010101` or `020100-29990`.
    pub fn code(&self) -> &str {
        &self.0[6..]
    }

    /// Takes a text that was judged as part of a document number.
    pub(super) fn from_judged(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The birth date, where the country's personal code contains one (Estonia, Latvia, Lithuania).
    pub fn birth_date(&self) -> Option<BirthDate> {
        if !self.0.starts_with("PNO") {
            return None;
        }
        BirthDate::from_personal_code(self.country(), self.code())
    }
}

impl std::str::FromStr for SemanticsIdentifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_semantics_identifier(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentifierError::expected(
                "a person's identifier such as PNOEE-48010010101",
            ))
        }
    }
}

fn is_semantics_identifier(text: &str) -> bool {
    // The length first: what follows may then slice and print without bound.
    if text.len() > MAX_LENGTH || !text.is_ascii() || text.len() < 7 {
        return false;
    }
    let (kind, rest) = text.split_at(3);
    let (country, rest) = rest.split_at(2);
    let Some(code) = rest.strip_prefix('-') else {
        return false;
    };
    matches!(kind, "PNO" | "PAS" | "IDC")
        && country.bytes().all(|letter| letter.is_ascii_uppercase())
        && code
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && !code.starts_with('-')
        && !code.ends_with('-')
}

text_identifier!(SemanticsIdentifier);
