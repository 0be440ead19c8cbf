//! Step 3: the device has stored everything; the account goes live and the code is spent.

use symbolon_protocol::device::Done;
use uuid::Uuid;

use super::stored::{Enrolment, EnrolmentState};
use crate::accounts::DeviceFingerprint;
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::StoreError;

/// Activates an enrolment. Repeating it changes nothing and is no error.
pub async fn activate(
    service: &Service,
    device: DeviceFingerprint,
    enrolment: Uuid,
) -> Result<Done, Refusal> {
    let activated = service
        .store
        .write(move |connection| {
            Box::pin(async move { activate_stored(connection, &device, enrolment).await })
        })
        .await?;
    match activated {
        true => Ok(Done {}),
        false => Err(Refusal::not_found("enrolment with registered keys")),
    }
}

async fn activate_stored(
    connection: &mut sqlx::AnyConnection,
    device: &DeviceFingerprint,
    id: Uuid,
) -> Result<bool, StoreError> {
    let now = Timestamp::now();
    let enrolment = Enrolment::of_device(connection, device)
        .await?
        .filter(|known| known.id == id);
    let Some(enrolment) = enrolment else {
        return Ok(false);
    };
    match enrolment.state {
        EnrolmentState::Active => return Ok(true),
        EnrolmentState::Begun | EnrolmentState::Replaced => return Ok(false),
        EnrolmentState::Registered => {}
    }
    // The stored reply holds the first token; the device has it, nobody else needs it.
    sqlx::query("UPDATE enrolment SET state = $2, reply = NULL WHERE id = $1")
        .bind(id.to_string())
        .bind(EnrolmentState::Active.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE enrolment_code SET spent_at = $2 WHERE code_hash = $1")
        .bind(enrolment.code_hash)
        .bind(now.milliseconds())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE account SET state = 'open' WHERE document_number = $1 AND state = 'registered'",
    )
    .bind(enrolment.document_number.to_string())
    .execute(&mut *connection)
    .await?;
    Entry::new(Action::Activated, "")
        .account(&enrolment.document_number)
        .note(now)?;
    Ok(true)
}
