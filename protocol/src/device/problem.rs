//! Errors of the device API: RFC 9457 bodies with a code that programs can match.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not 200; `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for programs.
    pub code: ProblemCode,
    /// What went wrong, for people.
    pub detail: String,
    /// Seconds to wait before trying again, where that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemCode {
    /// The body is not what the path takes. 400.
    Malformed,
    /// The client certificate belongs to no account. 401.
    UnknownDevice,
    /// The enrolment code is wrong, used or expired. 403.
    EnrolmentCode,
    /// A key was refused at enrolment (too weak, seen before, malformed). 422.
    KeyRefused,
    /// There is no such thing, or no longer. 404.
    NotFound,
    /// The transaction was answered, by this device or another. 409.
    AlreadyAnswered,
    /// The transaction's time is over. 410.
    Expired,
    /// The share does not fit the message. 422.
    BadShare,
    /// The service judges this key's PIN, and no right one was proven for this message. 403.
    PinNotProven,
    /// The certified reading does not verify, or is not of a lock. 422.
    BadReading,
    /// The account is locked. 423.
    Locked,
    /// The freshness token is not the current one; nothing was signed. 409.
    StaleToken,
    /// The account is closed. 410.
    AccountClosed,
    /// Too many requests. 429.
    TooManyRequests,
    /// The service cannot do it now (its HSM or store is out of order). 503.
    Unavailable,
}
