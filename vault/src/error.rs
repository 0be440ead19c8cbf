//! Why the hardware did not do what was asked. None of these is about a PIN.

use std::error::Error;

/// Why the hardware did not do what was asked.
///
/// A fault never counts as a try unless the hardware judged it, and is never reported as a wrong
/// PIN.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The hardware cannot be reached now. Trying again later may help.
    #[error("the hardware cannot be reached: {detail}")]
    Unavailable {
        /// What was tried, and what came of it.
        detail: String,
        /// The cause.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// This share can never be used again: the hardware no longer holds it as it was enrolled.
    #[error("the key share is lost: {detail}")]
    Lost {
        /// What is gone or changed.
        detail: String,
    },
    /// The hardware lacks what the lockout needs; it is refused rather than trusted.
    #[error("this hardware cannot keep the promise: {detail}")]
    Unfit {
        /// What it lacks.
        detail: String,
    },
    /// An administrator set an owner password that we were not given.
    #[error("the hardware's owner password is needed: {detail}")]
    OwnerPassword {
        /// For what.
        detail: String,
    },
    /// What we kept of a share or identity is not what a backend wrote.
    #[error("the stored share is damaged: {detail}")]
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
    /// The service's release was refused by the hardware; the count is unchanged.
    #[error("the hardware refused the release: {detail}")]
    ReleaseRefused {
        /// The hardware's reason.
        detail: String,
    },
    /// The hardware answered what it should not.
    #[error("the hardware failed: {detail}")]
    Fault {
        /// What was asked, and what it answered.
        detail: String,
        /// The cause.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}
