//! Who a person is, which account, which of its two keys.

mod birth_date;
mod document_number;
mod semantics;

pub use birth_date::BirthDate;
pub use document_number::DocumentNumber;
pub use semantics::SemanticsIdentifier;

use serde::{Deserialize, Serialize};

/// Which of an account's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyPurpose {
    /// Logging in, behind PIN1.
    Authentication,
    /// Signing, behind PIN2.
    Signing,
}

impl KeyPurpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Authentication, Self::Signing];

    /// The spelling used in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Signing => "signing",
        }
    }

    /// What people call the PIN before it: `PIN1` or `PIN2`.
    pub fn pin_name(self) -> &'static str {
        match self {
            Self::Authentication => "PIN1",
            Self::Signing => "PIN2",
        }
    }
}

/// The level of an account's certificates. The lower is less than the higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CertificateLevel {
    /// "Basic".
    Advanced,
    /// The full level.
    Qualified,
}

impl CertificateLevel {
    /// The spelling of the relying-party API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advanced => "ADVANCED",
            Self::Qualified => "QUALIFIED",
        }
    }

    /// How a document number of this level ends: `NQ` or `Q`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Advanced => "NQ",
            Self::Qualified => "Q",
        }
    }
}

/// Why a text is no identifier. Never repeats the text, which a stranger may have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentifierError(pub String);

impl IdentifierError {
    fn expected(expectation: &str) -> Self {
        Self(format!("not {expectation}"))
    }
}

/// Everything that a kind of name here can do, given `as_str` and how to judge a text.
macro_rules! text_identifier {
    ($name:ident) => {
        impl $name {
            /// The whole identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::identifiers::IdentifierError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}
use text_identifier;

macro_rules! text_enumeration {
    ($name:ident, $expectation:literal, $($variant:ident),+) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                [$(Self::$variant),+]
                    .into_iter()
                    .find(|value| value.as_str() == text)
                    .ok_or_else(|| IdentifierError::expected($expectation))
            }
        }
    };
}
text_enumeration!(KeyPurpose, "a key's purpose", Authentication, Signing);
text_enumeration!(CertificateLevel, "a certificate level", Advanced, Qualified);

#[cfg(test)]
mod tests;
