//! Why a certificate was not made or not used.

use std::path::PathBuf;

use crate::keys::KeysError;

/// Why a certificate was not made or not used.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// The token with the authorities' keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The request names something that has no place in a certificate.
    #[error("{0}")]
    Request(String),
    /// Something in the configuration cannot stand in a certificate.
    #[error("[certificates] {0}")]
    Config(String),
    /// A certificate that `init` makes is not there.
    #[error("there is no certificate {}; `symbolon-service init` makes it", .0.display())]
    NotInitialised(PathBuf),
    /// An authority's certificate is there, where a new one was to be made.
    #[error("there is {} already; an authority is never replaced", .0.display())]
    Present(PathBuf),
    /// A certificate's file holds something else.
    #[error("{} is not usable: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The token's signature does not verify. The certificate is withheld.
    #[error("the token made a wrong signature over a certificate; the certificate is withheld")]
    WrongSignature,
    /// No random serial number.
    #[error("no random numbers: {0}")]
    NoRandomness(String),
    /// The encoder refused.
    #[error("a certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
}
