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
    /// The configuration has no switch for demo accounts.
    #[error("the configuration has no [demo] section, so there are no demo accounts")]
    NoDemo,
    /// A demo account was not made; those before it stay.
    #[error("no demo account could be made: {0}")]
    DemoAccount(String),
    /// What was to be acted on does not exist.
    #[error("there is no {0}")]
    NoSuch(String),
    /// Reading or writing.
    #[error("input or output failed: {0}")]
    Output(#[from] std::io::Error),
    /// Something was found out of order.
    #[error("not everything is in order")]
    OutOfOrder,
    /// The audit trail is not as it was written.
    #[error("the audit trail does not hold")]
    AuditBroken,
    /// The token can be used, but not for all that it is needed for.
    #[error("the token is not fit for this service")]
    TokenUnfit,
}

impl CommandError {
    /// The program's exit code. Scripts tell a token to be replaced (3) from one that could not be
    /// looked at (1), and an audit trail that was tampered with (4) from one that could not be read;
    /// 2 is a command line that is wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::TokenUnfit => 3,
            Self::AuditBroken => 4,
            _ => 1,
        }
    }
}
