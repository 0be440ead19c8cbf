//! Why a device does not get what it asked for: one code for programs, one sentence for people.

use symbolon_protocol::device::problem::{Problem, ProblemCode};

use crate::certificates::CertificatesError;
use crate::keys::KeysError;
use crate::store::StoreError;

/// The answer to a device that is not the one it hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: ProblemCode,
    /// For people: what happened, and what to do where there is something to do.
    pub detail: String,
    /// Seconds after which it may be otherwise.
    pub retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_seconds: None,
        }
    }

    /// The same, with the time after which it may be otherwise.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// There is no such thing for this device.
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no such {what}"))
    }

    /// As it travels.
    pub fn problem(&self) -> Problem {
        Problem {
            status: status_of(self.code),
            code: self.code,
            detail: self.detail.clone(),
            retry_after_seconds: self.retry_after_seconds,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::new(
            ProblemCode::Unavailable,
            "the service's store is out of order; nothing was changed, try again later",
        )
        .retry_after(5)
    }
}

impl From<KeysError> for Refusal {
    fn from(error: KeysError) -> Self {
        tracing::error!(%error, "the HSM failed");
        Self::new(
            ProblemCode::Unavailable,
            "the service's HSM is out of order; nothing was changed, try again later",
        )
        .retry_after(5)
    }
}

impl From<CertificatesError> for Refusal {
    fn from(error: CertificatesError) -> Self {
        tracing::error!(%error, "no certificate could be issued");
        Self::new(
            ProblemCode::Unavailable,
            "no certificate could be issued; nothing was changed, try again later",
        )
        .retry_after(5)
    }
}

fn status_of(code: ProblemCode) -> u16 {
    match code {
        ProblemCode::Malformed => 400,
        ProblemCode::UnknownDevice => 401,
        ProblemCode::EnrolmentCode | ProblemCode::PinNotProven => 403,
        ProblemCode::NotFound => 404,
        ProblemCode::AlreadyAnswered | ProblemCode::StaleToken => 409,
        ProblemCode::Expired | ProblemCode::AccountClosed => 410,
        ProblemCode::KeyRefused | ProblemCode::BadShare | ProblemCode::BadReading => 422,
        ProblemCode::Locked => 423,
        ProblemCode::TooManyRequests => 429,
        ProblemCode::Unavailable => 503,
    }
}
