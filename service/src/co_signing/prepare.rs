//! What a device is about to confirm, told while its hardware still judges the PIN.
//!
//! The service makes its half meanwhile, in memory, and confirms nothing by it. Where the service
//! itself judges the PIN, nothing is made: there a right PIN comes first, whatever is wanted.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::Prepare;
use uuid::Uuid;

use super::answer::{self, Remembered};
use super::confirm::{message_of, require_waiting};
use crate::accounts::DeviceFingerprint;
use crate::clock::Timestamp;
use crate::refusal::Refusal;
use crate::service::{Service, require_released};

/// Makes our half of what is going to be confirmed.
pub async fn prepare(
    service: &Service,
    device: &DeviceFingerprint,
    transaction: Uuid,
    prepare: &Prepare,
) -> Result<Done, Refusal> {
    let Remembered {
        account, session, ..
    } = answer::remembered(service, device, &transaction).await?;
    require_released(&account, Timestamp::now())?;
    let session = session.ok_or_else(|| Refusal::not_found("transaction"))?;
    require_waiting(&session)?;
    let purpose = session
        .request
        .purpose()
        .ok_or_else(|| Refusal::new(ProblemCode::Malformed, "nothing is to be signed here"))?;
    let key = service
        .account_keys
        .get(&service.store, &account.document_number, purpose)
        .await?;
    if key.pin_is_proven {
        return Ok(Done {});
    }
    let message = message_of(
        &session,
        &account,
        &key,
        (
            prepare.interaction,
            prepare.user_challenge.as_deref(),
            prepare.salt.as_slice(),
        ),
    )?;
    let reduced = message.reduced(key.split_key.service_modulus());
    let making = service.keys.half_signature(&key.service_share, &reduced);
    let account = &account.document_number;
    service.halves.make(account, &message, making).await;
    Ok(Done {})
}
