//! Releases: signed only when the lock's time is over, for one session of one TPM.

use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::lock::{Release, RequestRelease};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_protocol::lockout::{PinCount, Stage, stage_of};
use symbolon_protocol::release::{
    EXPIRATION_SECONDS, PolicyReference, limit_write_cp_hash, signed_digest,
};

use super::readings::require_not_closed;
use super::{HeldLock, stored};
use crate::accounts::DeviceFingerprint;
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::deliveries;
use crate::pins;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::StoreError;

/// `nonceTPM` is as long as the session's hash, at least 16 octets (TPM 2.0 Part 1 section 17.6.3).
const NONCE_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// Signs a release for a PIN whose lock is over. Asking again, with another session, is allowed
/// for a while: writing the same limit twice changes nothing.
pub async fn release(
    service: &Service,
    device: &DeviceFingerprint,
    request: RequestRelease,
) -> Result<Release, Refusal> {
    if !NONCE_LENGTHS.contains(&request.session_nonce.0.len()) {
        return Err(Refusal::new(
            ProblemCode::Malformed,
            "the session's nonce has an impossible length",
        ));
    }
    let account = service.account_of(device).await?;
    require_not_closed(&account)?;
    let document_number = account.document_number.clone();
    let key = service
        .account_keys
        .get(&service.store, &document_number, request.purpose)
        .await?;
    let limit = grant(service, document_number.clone(), &request).await?;
    service.announce(&account, &[]);

    let reference = PolicyReference {
        document_number,
        purpose: request.purpose,
    };
    let reference = reference.for_release(limit).ok_or_else(no_lock)?;
    let digest = signed_digest(
        request.session_nonce.as_slice(),
        EXPIRATION_SECONDS as i32,
        &limit_write_cp_hash(&key.pin_index_name, limit),
        &reference,
    );
    let signature = service.keys.sign_release(&digest).await?;
    Ok(Release {
        limit,
        expiration_seconds: EXPIRATION_SECONDS,
        signature: signature.into(),
    })
}

/// Commits that a release is given, before it is made, and says which.
async fn grant(
    service: &Service,
    document_number: DocumentNumber,
    request: &RequestRelease,
) -> Result<u32, Refusal> {
    let purpose = request.purpose;
    let (lock, now) = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let now = Timestamp::now();
                let lock = stored::load(connection, &document_number, purpose).await?;
                if lock.is_some_and(|lock| lock.is_releasable(now)) {
                    stored::mark_released(connection, &document_number, purpose, now).await?;
                    if let Some(limit) = lock.and_then(next_limit) {
                        pins::note_limit(connection, &document_number, purpose, limit).await?;
                    }
                    Entry::new(Action::Released, purpose.as_str())
                        .account(&document_number)
                        .note(now)?;
                    let changed = Event::AccountChanged {};
                    deliveries::append(connection, &document_number, &changed, now).await?;
                }
                Ok::<_, StoreError>((lock, now))
            })
        })
        .await?;
    let lock = lock
        .filter(|lock| lock.is_in_force(now))
        .ok_or_else(no_lock)?;
    if !lock.is_releasable(now) {
        let remaining = lock.until.remaining(now).as_secs() + 1;
        return Err(
            Refusal::new(ProblemCode::Locked, "the lock's time is not over yet")
                .retry_after(u32::try_from(remaining).unwrap_or(u32::MAX)),
        );
    }
    next_limit(lock).ok_or_else(no_lock)
}

fn next_limit(lock: HeldLock) -> Option<u32> {
    let reached = PinCount {
        failures: lock.reached_limit,
        limit: lock.reached_limit,
    };
    match stage_of(reached) {
        Stage::Timed { next_limit, .. } => Some(next_limit),
        Stage::Open | Stage::Permanent => None,
    }
}

fn no_lock() -> Refusal {
    Refusal::new(
        ProblemCode::NotFound,
        "no lock of this PIN is known; report a certified reading first",
    )
}
