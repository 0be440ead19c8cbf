//! What a device is about to confirm, told while its hardware still judges the PIN.
//!
//! The service makes its half meanwhile, in memory, and confirms nothing by it. Where the service
//! itself judges the PIN, nothing is made: there a right PIN comes first, whatever is wanted.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::transaction::Prepare;
use uuid::Uuid;

use super::answer::{self, Remembered};
use super::confirm::require_waiting;
use super::to_sign::{Drawn, ToSign};
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
    let drawn = Drawn {
        interaction: prepare.interaction,
        user_challenge: prepare.user_challenge.as_deref(),
        salt: prepare.salt.as_slice(),
    };
    let to_sign = ToSign::of(service, &account, &session, drawn).await?;
    if !to_sign.key.pin_is_proven {
        let (account, message) = (&account.document_number, &to_sign.message);
        let making = to_sign.half(service);
        service.halves.make(account, message, making).await;
    }
    Ok(Done {})
}
