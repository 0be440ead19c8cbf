//! An account as the service sees it.

use serde::{Deserialize, Serialize};

use super::lock::LockState;
use super::pin::PinLedgers;
use super::{Done, Exchange, Method};
use crate::identifiers::{CertificateLevel, DocumentNumber, KeyPurpose};

/// Asks how the account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchAccount {}

impl Exchange for FetchAccount {
    type Reply = AccountStatus;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/device/v1/account";
}

/// How the account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// Which account.
    pub document_number: DocumentNumber,
    /// Its certificates' level.
    pub level: CertificateLevel,
    /// Whether it can be used.
    pub lock: LockState,
    /// Why it was closed, if it was.
    pub closed: Option<Closure>,
    /// When its certificates end, Unix seconds.
    pub expires_at: i64,
    /// How the service has counted, where it judges the PINs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<PinLedgers>,
}

/// Why an account was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Closure {
    /// Nine wrong PINs.
    Lockout,
    /// A used freshness token came with a good share: there are two of the device.
    Clone,
    /// The owner deleted it.
    Owner,
    /// An administrator closed it.
    Administrator,
}

/// Tells the service that a PIN was changed in the hardware, for its audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPinChange {
    /// Which PIN.
    pub purpose: KeyPurpose,
}

impl Exchange for ReportPinChange {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/account/pin-changed";
}

/// Closes the account and revokes its certificates. Cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseAccount {}

impl Exchange for CloseAccount {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/account/close";
}
