//! How the account stands, and its end.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::account::{AccountStatus, Closure, ReportPinChange};

use crate::accounts::{DeviceFingerprint, Standing, close};
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::lock;
use crate::pins;
use crate::refusal::Refusal;
use crate::service::Service;

/// How the account stands; a closed one too.
pub(super) async fn status(
    service: &Service,
    device: &DeviceFingerprint,
) -> Result<AccountStatus, Refusal> {
    let account = service.account_of(device).await?;
    let mut connection = service.store.reader().await?;
    Ok(AccountStatus {
        pins: pins::ledgers(&mut connection, &account.document_number).await?,
        lock: account.lock_state(Timestamp::now()),
        closed: match account.standing {
            Standing::Closed(closure) => Some(closure),
            Standing::Registered | Standing::Open { .. } => None,
        },
        document_number: account.document_number,
        level: account.level,
        expires_at: account.expires_at.seconds(),
    })
}

/// Notes a PIN change.
pub(super) async fn pin_changed(
    service: &Service,
    device: &DeviceFingerprint,
    report: &ReportPinChange,
) -> Result<Done, Refusal> {
    let account = service.usable_account_of(device).await?;
    let purpose = report.purpose;
    service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let number = &account.document_number;
                lock::begin_ladder_anew(connection, number, purpose).await?;
                Entry::new(Action::PinChanged, purpose.as_str())
                    .account(number)
                    .note(Timestamp::now())
            })
        })
        .await?;
    Ok(Done {})
}

/// Closes the account. Closing a closed one is no error.
pub(super) async fn close_by_owner(
    service: &Service,
    device: &DeviceFingerprint,
) -> Result<Done, Refusal> {
    let account = service.account_of(device).await?;
    let document_number = account.document_number.clone();
    let ended = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let now = Timestamp::now();
                close(connection, &document_number, Closure::Owner, now).await
            })
        })
        .await?;
    service.announce(&account, &ended);
    Ok(Done {})
}
