//! Locks and releases. The hardware counts, the service keeps the time.
//!
//! A device whose PIN counter reached its limit asks for a [`LockChallenge`], has its TPM certify
//! a reading over it and reports that; the service starts the clock. When the time is over the
//! device opens a policy session and gets the [`Release`] bound to that session's nonce.

use serde::{Deserialize, Serialize};

use super::{Exchange, Method};
use crate::bytes::Octets;
use crate::identifiers::KeyPurpose;

/// Asks for a nonce to certify a reading over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLockChallenge {}

impl Exchange for RequestLockChallenge {
    type Reply = LockChallenge;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/lock/challenge";
}

/// A nonce, good for one report within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockChallenge {
    /// 32 random octets.
    pub nonce: Octets,
}

/// Reports a certified reading of one PIN counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportReading {
    /// Which PIN.
    pub purpose: KeyPurpose,
    /// What the hardware certified.
    pub reading: CertifiedReading,
}

impl Exchange for ReportReading {
    type Reply = LockState;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/lock";
}

/// `TPM2_NV_Certify` of a PIN_FAIL index (TPM 2.0 Part 3 section 31.16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedReading {
    /// The marshalled `TPMS_ATTEST`.
    pub attestation: Octets,
    /// ECDSA P-256 over SHA-256 of it by the attestation key: `r` and `s`, 64 octets.
    pub signature: Octets,
}

/// What the service holds of an account's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum LockState {
    /// Not locked.
    Open {},
    /// Locked; a release may be asked for when the time is over.
    Locked {
        /// Which PIN was entered wrongly.
        purpose: KeyPurpose,
        /// When the lock ends, Unix seconds by the service's clock.
        until: i64,
        /// The same from now, in seconds; 0 when a release may be asked for.
        remaining_seconds: u32,
    },
    /// Closed for good; certificates are revoked.
    Closed {},
}

/// Asks for a release, bound to a session that waits in the TPM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRelease {
    /// Which PIN.
    pub purpose: KeyPurpose,
    /// The policy session's `nonceTPM`.
    pub session_nonce: Octets,
}

impl Exchange for RequestRelease {
    type Reply = Release;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/release";
}

/// The service's signature over `nonceTPM || expiration || cpHashA || policyRef`
/// (TPM 2.0 Part 3 section 23.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// To which limit the counter is raised: 6 or 9.
    pub limit: u32,
    /// Seconds after which the TPM refuses the session.
    pub expiration_seconds: u32,
    /// `r` and `s`, 64 octets.
    pub signature: Octets,
}
