//! PIN counters, locks and releases. The hardware counts, the service keeps the time; here both
//! are brought together.

use std::sync::Arc;

use symbolon_protocol::device::account::FetchAccount;
use symbolon_protocol::device::lock::{
    LockState, ReportReading, RequestLockChallenge, RequestRelease,
};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::PinCount;
use symbolon_vault::VaultError;

use super::Account;
use crate::accounts::KnownLock;
use crate::bus::fault::Fault;
use crate::bus::messages::{HistoryEntry, HistoryEvent, PinStanding, User, Verdict};
use crate::clock::{now, seconds_until};
use crate::locked::locked;

const PURPOSES: [KeyPurpose; 2] = [KeyPurpose::Authentication, KeyPurpose::Signing];

/// What stands for a counter that is known to be at its limit but could not be read.
const LOCKED_UNREAD: PinCount = PinCount {
    failures: 0,
    limit: 0,
};

/// The counters as they were last read. Reading one is a command to the hardware, so it is done
/// at the start and after whatever changes it, not on the way to a signature.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    authentication: Option<PinCount>,
    signing: Option<PinCount>,
}

impl Counts {
    fn of(&mut self, purpose: KeyPurpose) -> &mut Option<PinCount> {
        match purpose {
            KeyPurpose::Authentication => &mut self.authentication,
            KeyPurpose::Signing => &mut self.signing,
        }
    }
}

impl Account {
    /// How a PIN stands, as far as is known without asking anybody.
    pub(crate) fn pin_standing(&self, purpose: KeyPurpose) -> PinStanding {
        let (closed, lock) = {
            let standing = self.standing();
            (standing.closed, standing.lock)
        };
        if closed {
            return PinStanding::Closed {};
        }
        match (lock, self.locked_counter()) {
            (Some(lock), _) => PinStanding::Locked {
                by: lock.purpose,
                until: Some(lock.until),
                remaining_seconds: Some(seconds_until(lock.until)),
            },
            (None, Some(by)) => PinStanding::Locked {
                by,
                until: None,
                remaining_seconds: None,
            },
            (None, None) => PinStanding::Open {
                tries_left: self.count(purpose).map(PinCount::tries_left),
            },
        }
    }

    /// The verdict on a PIN of an account that is locked or closed; `None` if it is neither.
    pub(crate) fn locked_verdict(&self) -> Option<Verdict> {
        match self.pin_standing(KeyPurpose::Authentication) {
            PinStanding::Open { .. } => None,
            PinStanding::Closed {} => Some(Verdict::Closed {}),
            PinStanding::Locked {
                by,
                until,
                remaining_seconds,
            } => Some(Verdict::Locked {
                by,
                until,
                remaining_seconds,
            }),
        }
    }

    /// The counter of one PIN as last read.
    pub(crate) fn count(&self, purpose: KeyPurpose) -> Option<PinCount> {
        *locked(&self.counts).of(purpose)
    }

    pub(super) fn set_count(&self, purpose: KeyPurpose, count: Option<PinCount>) {
        *locked(&self.counts).of(purpose) = count;
    }

    /// The PIN whose counter is at its limit, if one's is.
    fn locked_counter(&self) -> Option<KeyPurpose> {
        PURPOSES
            .into_iter()
            .find(|purpose| self.count(*purpose).is_some_and(PinCount::is_locked))
    }

    /// Reads one counter. Where the hardware may not be asked it stays unknown.
    pub(crate) async fn read_count(&self, purpose: KeyPurpose) -> Result<(), VaultError> {
        let deed = self.deed.clone();
        let count = self
            .core
            .vault
            .call(move |vault| vault.pin_count(&deed.key(purpose).share))
            .await;
        match count {
            Ok(count) => {
                self.set_count(purpose, Some(count));
                Ok(())
            }
            Err(error) => {
                self.set_count(purpose, None);
                Err(error)
            }
        }
    }

    /// Reads the counters that are not known: after a fault of the hardware nobody can tell
    /// whether it had judged, and where an owner password is missing they stay unknown.
    pub(crate) async fn read_unknown_counts(&self) {
        for purpose in PURPOSES {
            let count = self.count(purpose);
            if count.is_some() && count != Some(LOCKED_UNREAD) {
                continue;
            }
            let read = self.read_count(purpose).await;
            if read.is_err() && count == Some(LOCKED_UNREAD) {
                self.set_count(purpose, count);
            }
        }
    }

    /// The hardware failed while it had a PIN: what was known of its counter is not true any more.
    pub(crate) fn forget_count(&self, purpose: KeyPurpose) {
        self.set_count(purpose, None);
    }

    /// Reads both counters.
    pub(crate) async fn read_counts(&self) {
        for purpose in PURPOSES {
            if let Err(error) = self.read_count(purpose).await {
                tracing::warn!(%error, account = %self.document_number(), "a PIN counter cannot be read");
            }
        }
    }

    /// A right PIN cleared its count; a limit that a release had raised may have come down too.
    pub(crate) async fn pin_was_right(&self, purpose: KeyPurpose) {
        match self.count(purpose) {
            Some(PinCount { limit: 3, .. }) => self.set_count(
                purpose,
                Some(PinCount {
                    failures: 0,
                    limit: 3,
                }),
            ),
            _ => {
                let _ = self.read_count(purpose).await;
            }
        }
    }

    /// A PIN was judged wrong. What the person is told; starts the lock if that was the last try.
    pub(crate) async fn pin_was_wrong(
        self: &Arc<Self>,
        purpose: KeyPurpose,
        tries_left: Option<u32>,
        by: &User,
    ) -> Verdict {
        let wrong = HistoryEntry::new(HistoryEvent::WrongPin).of(purpose);
        self.record(wrong.by(Some(by.clone()))).await;
        if self.read_count(purpose).await.is_err() && tries_left == Some(0) {
            self.set_count(purpose, Some(LOCKED_UNREAD));
        }
        let tries_left = tries_left.or(self.count(purpose).map(PinCount::tries_left));
        if tries_left == Some(0) {
            return self.pin_was_locked(purpose).await;
        }
        Verdict::WrongPin { tries_left }
    }

    /// The hardware judges no PIN: tells the service, and returns what the person is told.
    pub(crate) async fn pin_was_locked(self: &Arc<Self>, purpose: KeyPurpose) -> Verdict {
        if self.read_count(purpose).await.is_err() {
            self.set_count(purpose, Some(LOCKED_UNREAD));
        }
        if let Err(fault) = self.settle_lock().await {
            tracing::warn!(%fault, account = %self.document_number(), "the lock was not reported");
        }
        self.locked_verdict().unwrap_or(Verdict::Locked {
            by: purpose,
            until: None,
            remaining_seconds: None,
        })
    }

    /// Whether anything here or at the service says that the account is locked.
    pub(crate) fn may_be_locked(&self) -> bool {
        self.standing().lock.is_some() || self.locked_counter().is_some()
    }

    /// Brings the hardware's counters and the service's clock together: learns of the service's
    /// lock, reports one that it does not know, and runs a release that is due.
    pub(crate) async fn settle_lock(self: &Arc<Self>) -> Result<(), Fault> {
        let _settling = self.settling.lock().await;
        let status = self.link.call("", &FetchAccount {}).await?;
        if status.closed.is_some() {
            self.closed_by_service(status.closed).await;
            return Ok(());
        }
        self.learn(status.lock).await;
        self.reconcile(&status).await;
        match status.lock {
            LockState::Closed {} => return Ok(()),
            LockState::Locked {
                remaining_seconds: 1..,
                ..
            } => return Ok(()),
            LockState::Locked { purpose, .. } => self.release(purpose).await?,
            LockState::Open {} => {}
        }
        for purpose in PURPOSES {
            if !self.count(purpose).is_some_and(PinCount::is_locked) {
                continue;
            }
            let state = self.report(purpose).await?;
            self.learn(state).await;
            match state {
                // Released by the service, but not yet in the hardware.
                LockState::Open {}
                | LockState::Locked {
                    remaining_seconds: 0,
                    ..
                } => self.release(purpose).await?,
                _ => break,
            }
        }
        Ok(())
    }

    /// Has the hardware certify a counter, and the service take note.
    async fn report(&self, purpose: KeyPurpose) -> Result<LockState, Fault> {
        let challenge = self.link.call("", &RequestLockChallenge {}).await?;
        let deed = self.deed.clone();
        let reading = self
            .core
            .vault
            .call(move |vault| {
                vault.certify_count(
                    &deed.identity,
                    &deed.key(purpose).share,
                    challenge.nonce.as_slice(),
                )
            })
            .await?;
        Ok(self
            .link
            .call("", &ReportReading { purpose, reading })
            .await?)
    }

    /// Has the service sign a release for a session of the hardware, and applies it.
    async fn release(&self, purpose: KeyPurpose) -> Result<(), Fault> {
        let _releasing = self.core.releasing.lock().await;
        let deed = self.deed.clone();
        let session_nonce = self
            .core
            .vault
            .call(move |vault| vault.begin_release(&deed.key(purpose).share))
            .await?;
        let release = self
            .link
            .call(
                "",
                &RequestRelease {
                    purpose,
                    session_nonce,
                },
            )
            .await?;
        let deed = self.deed.clone();
        let count = self
            .core
            .vault
            .call(move |vault| vault.finish_release(&deed.key(purpose).share, &release))
            .await?;
        tracing::info!(account = %self.document_number(), ?purpose, limit = count.limit, "released");
        self.set_count(purpose, Some(count));
        self.learn(LockState::Open {}).await;
        self.record(HistoryEntry::new(HistoryEvent::Released).of(purpose))
            .await;
        Ok(())
    }

    /// Takes the service's word on the lock.
    pub(crate) async fn learn(&self, state: LockState) {
        let lock = match state {
            LockState::Open {} => None,
            LockState::Locked {
                purpose,
                remaining_seconds,
                ..
            } => Some(KnownLock {
                purpose,
                until: now().saturating_add(i64::from(remaining_seconds)),
            }),
            LockState::Closed {} => return self.closed_by_service(None).await,
        };
        let before = self.standing().lock;
        // The same lock, told a moment later, ends at the same time.
        let same = match (before, lock) {
            (Some(before), Some(lock)) => {
                before.purpose == lock.purpose && before.until.abs_diff(lock.until) <= 2
            }
            (before, lock) => before == lock,
        };
        if same {
            return;
        }
        if let Err(error) = self.change(|standing| standing.lock = lock).await {
            tracing::warn!(%error, "the lock was not stored; the service will tell it again");
        }
        if let (None, Some(lock)) = (before, lock) {
            tracing::warn!(account = %self.document_number(), "the account is locked");
            self.record(HistoryEntry::new(HistoryEvent::Locked).of(lock.purpose))
                .await;
        }
        self.announce_change();
    }
}
