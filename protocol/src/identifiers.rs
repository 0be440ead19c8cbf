//! Who a person is, which account, which of its two keys.

use serde::{Deserialize, Serialize};

/// An ETSI EN 319 412-1 natural person identifier, e.g. `PNOEE-48010010101`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SemanticsIdentifier(String);

/// An account: `<semantics identifier>-XXXX-Q` or `-NQ`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentNumber(String);

/// Which of an account's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyPurpose {
    /// Logging in, behind PIN1.
    Authentication,
    /// Signing, behind PIN2.
    Signing,
}

/// The level of an account's certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CertificateLevel {
    /// "Basic".
    Advanced,
    /// The full level.
    Qualified,
}

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentifierError(pub String);

impl From<SemanticsIdentifier> for String {
    fn from(identifier: SemanticsIdentifier) -> Self {
        identifier.0
    }
}

impl TryFrom<String> for SemanticsIdentifier {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(Self(text))
    }
}

impl From<DocumentNumber> for String {
    fn from(number: DocumentNumber) -> Self {
        number.0
    }
}

impl TryFrom<String> for DocumentNumber {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(Self(text))
    }
}
