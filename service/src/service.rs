//! What every handler works with.

use std::sync::Arc;

use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::problem::ProblemCode;

use crate::accounts::{Account, DeviceFingerprint, KeyCache, Standing};
use crate::certificates::CertificateAuthority;
use crate::clock::Timestamp;
use crate::co_signing::Ahead;
use crate::keys::ServiceKeys;
use crate::refusal::Refusal;
use crate::sessions::{Session, Sessions};
use crate::store::Store;

/// The service. Clones share everything.
#[derive(Clone)]
pub struct Service {
    /// Where everything is kept.
    pub store: Store,
    /// What relying parties ask.
    pub sessions: Sessions,
    /// The service's keys, in the HSM.
    pub keys: ServiceKeys,
    /// Issues the accounts' certificates.
    pub authority: Arc<CertificateAuthority>,
    /// The accounts' keys.
    pub account_keys: Arc<KeyCache>,
    /// What devices told ahead of their confirmations.
    pub ahead: Ahead,
}

impl Service {
    /// The account of a device, whatever its standing.
    pub async fn account_of(&self, device: &DeviceFingerprint) -> Result<Account, Refusal> {
        let mut connection = self.store.reader().await?;
        Account::of_device(&mut connection, device)
            .await?
            .ok_or_else(unknown_device)
    }

    /// The account of a device, if it can be used now.
    pub async fn usable_account_of(&self, device: &DeviceFingerprint) -> Result<Account, Refusal> {
        let account = self.account_of(device).await?;
        require_usable(&account, Timestamp::now())?;
        Ok(account)
    }

    /// Wakes everybody whom the end of these sessions, and the change of this account, concerns.
    pub fn announce(&self, account: &Account, ended: &[Session]) {
        self.sessions
            .hints()
            .device_has_news(&account.document_number);
        for session in ended {
            self.sessions.announce_end(session);
        }
    }
}

/// Refuses unless the account can be used now. A lock whose time is over counts no more: its
/// release is there for the asking.
pub(crate) fn require_usable(account: &Account, now: Timestamp) -> Result<(), Refusal> {
    match account.standing {
        Standing::Open { lock: Some(lock) } if lock.until <= now => Ok(()),
        _ => require_released(account, now),
    }
}

/// Refuses unless the account can be used now and every lock was released.
pub(crate) fn require_released(account: &Account, now: Timestamp) -> Result<(), Refusal> {
    match account.standing {
        Standing::Open { lock: None } => Ok(()),
        Standing::Open { lock: Some(lock) } => Err(Refusal::new(
            ProblemCode::Locked,
            format!(
                "the account is locked after wrong entries of {}",
                lock.purpose.pin_name()
            ),
        )
        .retry_after(lock.remaining_seconds(now))),
        Standing::Registered => Err(Refusal::new(
            ProblemCode::NotFound,
            "the enrolment is not finished; activate it first",
        )),
        Standing::Closed(closure) => Err(closed(closure)),
    }
}

/// What a device is told about its closed account.
pub(crate) fn closed(closure: Closure) -> Refusal {
    let reason = match closure {
        Closure::Lockout => "after too many wrong PINs",
        Closure::Clone => "because a copy of this device was used",
        Closure::Owner => "by its owner",
        Closure::Administrator => "by an administrator",
    };
    Refusal::new(
        ProblemCode::AccountClosed,
        format!("the account was closed {reason}; enrol anew"),
    )
}

fn unknown_device() -> Refusal {
    Refusal::new(
        ProblemCode::UnknownDevice,
        "this device's certificate belongs to no account",
    )
}
