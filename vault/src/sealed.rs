//! What the daemon keeps for a backend and hands back unread.

use serde::{Deserialize, Serialize};

/// One key share as its backend wrote it down: wrapped key, names, policies. No secret in clear,
/// and worthless without the hardware. Written once at enrolment, never changed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedShare {
    /// Which backend wrote it.
    pub backend: String,
    /// What only that backend reads.
    pub content: serde_json::Value,
}

/// One device identity as its backend wrote it down, under the same promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedIdentity {
    /// Which backend wrote it.
    pub backend: String,
    /// What only that backend reads.
    pub content: serde_json::Value,
}

/// What an enrolment is about to leave in the hardware, as its backend wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// Which backend wrote it.
    pub backend: String,
    /// What only that backend reads.
    pub content: serde_json::Value,
}
