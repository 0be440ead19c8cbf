//! What a device is about to confirm, told while its person reads and types.
//!
//! The service reads what it needs and makes its half meanwhile, in memory, and confirms nothing by
//! it. Where the service itself judges the PIN, nothing is made: there a right PIN comes first,
//! whatever is wanted.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::transaction::Prepare;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::ahead::{Foreseen, Told};
use super::answer;
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
    prepare: Prepare,
) -> Result<Done, Refusal> {
    let remembered = answer::remembered(service, device, &transaction).await?;
    let account = &remembered.account;
    require_released(account, Timestamp::now())?;
    let session = remembered
        .session
        .as_ref()
        .ok_or_else(|| Refusal::not_found("transaction"))?;
    require_waiting(session)?;
    let drawn = Drawn {
        interaction: prepare.interaction,
        user_challenge: prepare.user_challenge,
        salt: prepare.salt.0,
    };
    let to_sign = ToSign::of(service, account, session, &drawn).await?;
    if to_sign.key.pin_is_proven {
        return Ok(Done {});
    }
    let (made, half) = oneshot::channel();
    let making = to_sign.clone();
    let told = Told { transaction, drawn };
    let foreseen = Foreseen {
        remembered,
        to_sign,
        half,
    };
    if service.ahead.keep(*device, told, foreseen) {
        match making.half(service).await {
            // Nobody to tell if it was forgotten meanwhile.
            Ok(half) => drop(made.send(half)),
            Err(refusal) => tracing::debug!(?refusal, "no half was made ahead"),
        }
    }
    Ok(Done {})
}
