//! Why there is no TLS.

use crate::certificates::CertificatesError;

/// Why a TLS server cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The server's certificate.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}
