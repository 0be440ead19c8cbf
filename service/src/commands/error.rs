//! Why a command did not do what it was asked.

use super::init::InitError;
use crate::certificates::CertificatesError;
use crate::config::ConfigError;
use crate::enrolment::{InviteError, PoolError};
use crate::keys::KeysError;
use crate::log::LogError;
use crate::relying_party::registry::RegistrationError;
use crate::server::ServeError;
use crate::store::StoreError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Certificates.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// Making keys and certificates.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The register of relying parties.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// Making shares.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// An invitation.
    #[error(transparent)]
    Invite(#[from] InviteError),
    /// What was to be acted on does not exist.
    #[error("there is no {0}")]
    NoSuch(String),
    /// Reading or writing.
    #[error("input or output failed: {0}")]
    Output(#[from] std::io::Error),
    /// Something was found out of order.
    #[error("not everything is in order")]
    OutOfOrder,
}
