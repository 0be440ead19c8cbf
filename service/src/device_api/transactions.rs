//! What waits for a device.

use symbolon_protocol::device::transaction::{Pending, Transaction};
use uuid::Uuid;

use crate::accounts::DeviceFingerprint;
use crate::clock::Timestamp;
use crate::co_signing;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::waiting_for;

/// Everything that waits, oldest first.
pub(super) async fn pending(
    service: &Service,
    device: &DeviceFingerprint,
) -> Result<Pending, Refusal> {
    let account = service.usable_account_of(device).await?;
    let mut connection = service.store.reader().await?;
    let waiting = waiting_for(&mut connection, &account.document_number).await?;
    let now = Timestamp::now();
    Ok(Pending {
        transactions: waiting
            .iter()
            .filter(|session| !session.is_overdue(now))
            .map(|session| session.transaction_for(&account.document_number))
            .collect(),
    })
}

/// One transaction, if it still waits.
pub(super) async fn fetch(
    service: &Service,
    device: &DeviceFingerprint,
    id: Uuid,
) -> Result<Transaction, Refusal> {
    let account = service.usable_account_of(device).await?;
    let session = co_signing::session_of(service, &account.document_number, &id).await?;
    co_signing::require_waiting(&session)?;
    Ok(session.transaction_for(&account.document_number))
}
