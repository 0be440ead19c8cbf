//! Accounts: one device of one person, with two keys and a document number.

mod close;
mod key_cache;
mod keys;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::lock::LockState;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, KeyPurpose};

use crate::clock::Timestamp;
use crate::store::{Columns, StoreError, parse};

pub use close::close;
pub use key_cache::KeyCache;
pub use keys::AccountKey;
pub(crate) use keys::modulus_hash;

/// SHA-256 of the public key (SPKI) of a device's TLS client certificate: who the device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceFingerprint(pub [u8; 32]);

impl std::fmt::Display for DeviceFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// An account as it stands.
#[derive(Debug, Clone)]
pub struct Account {
    /// Names it.
    pub document_number: DocumentNumber,
    /// Its certificates' level.
    pub level: CertificateLevel,
    /// Whether it is of use.
    pub standing: Standing,
    /// The key that certifies its counters, an uncompressed P-256 point.
    pub attestation_key: Vec<u8>,
    /// SHA-256 of the current freshness token.
    pub token_hash: String,
    /// When its certificates end.
    pub expires_at: Timestamp,
    /// Whether a lock was released and no right PIN has come since.
    pub has_released_lock: bool,
}

/// Whether an account is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its keys are registered; the device has not said that it stored everything.
    Registered,
    /// In use; perhaps locked.
    Open {
        /// The lock that ends last, of those that were not released.
        lock: Option<Lock>,
    },
    /// Closed for good.
    Closed(Closure),
}

/// A lock that was not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Which PIN was entered wrongly.
    pub purpose: KeyPurpose,
    /// When a release may be asked for.
    pub until: Timestamp,
}

/// The columns of [`Account`], for queries that name it `a`.
macro_rules! account_columns {
    () => {
        "a.document_number, a.level, a.state, a.closure, a.attestation_key, a.token_hash, \
         a.expires_at AS account_expires_at, \
         (SELECT l.purpose FROM pin_lock l WHERE l.document_number = a.document_number \
          AND l.released_at IS NULL ORDER BY l.until DESC LIMIT 1) AS lock_purpose, \
         (SELECT MAX(l.until) FROM pin_lock l WHERE l.document_number = a.document_number \
          AND l.released_at IS NULL) AS lock_until, \
         (SELECT COUNT(*) FROM pin_lock l WHERE l.document_number = a.document_number \
          AND l.released_at IS NOT NULL) AS released_locks"
    };
}
pub(crate) use account_columns;

impl Account {
    /// The account of a device.
    pub async fn of_device(
        connection: &mut AnyConnection,
        device: &DeviceFingerprint,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM account a WHERE a.device_key = $1"
        ))
        .bind(device.to_string())
        .fetch_optional(connection)
        .await?;
        row.as_ref().map(Self::from_row).transpose()
    }

    /// The account of a document number.
    pub async fn load(
        connection: &mut AnyConnection,
        document_number: &DocumentNumber,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            account_columns!(),
            " FROM account a WHERE a.document_number = $1"
        ))
        .bind(document_number.to_string())
        .fetch_optional(connection)
        .await?;
        row.as_ref().map(Self::from_row).transpose()
    }

    /// Reads one from a row of [`account_columns`].
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let standing = match row.text("state")?.as_str() {
            "registered" => Standing::Registered,
            "open" => Standing::Open {
                lock: lock_from(row)?,
            },
            "closed" => Standing::Closed(closure_from(row.optional_text("closure")?)?),
            other => return Err(StoreError::Damaged(format!("account state {other}"))),
        };
        Ok(Self {
            document_number: parse(&row.text("document_number")?)?,
            level: parse(&row.text("level")?)?,
            standing,
            attestation_key: row.octets("attestation_key")?,
            token_hash: row.text("token_hash")?,
            expires_at: row.moment("account_expires_at")?,
            has_released_lock: row.number("released_locks")? > 0,
        })
    }

    /// As the device is told.
    pub fn lock_state(&self, now: Timestamp) -> LockState {
        match self.standing {
            Standing::Closed(_) => LockState::Closed {},
            Standing::Registered | Standing::Open { lock: None } => LockState::Open {},
            Standing::Open { lock: Some(lock) } => LockState::Locked {
                purpose: lock.purpose,
                until: lock.until.seconds_rounded_up(),
                remaining_seconds: lock.remaining_seconds(now),
            },
        }
    }
}

impl Lock {
    /// Until a release may be asked for, rounded up.
    pub fn remaining_seconds(&self, now: Timestamp) -> u32 {
        let remaining = self.until.remaining(now).as_millis().div_ceil(1000);
        u32::try_from(remaining).unwrap_or(u32::MAX)
    }
}

fn lock_from(row: &AnyRow) -> Result<Option<Lock>, StoreError> {
    match (
        row.optional_text("lock_purpose")?,
        row.optional_moment("lock_until")?,
    ) {
        (Some(purpose), Some(until)) => Ok(Some(Lock {
            purpose: parse(&purpose)?,
            until,
        })),
        _ => Ok(None),
    }
}

fn closure_from(text: Option<String>) -> Result<Closure, StoreError> {
    match text.as_deref() {
        Some("lockout") => Ok(Closure::Lockout),
        Some("clone") => Ok(Closure::Clone),
        Some("owner") => Ok(Closure::Owner),
        Some("administrator") => Ok(Closure::Administrator),
        other => Err(StoreError::Damaged(format!("closure {other:?}"))),
    }
}
