//! What a device signs, rebuilt from our own session: the same whether it is told ahead or confirmed.

use std::sync::Arc;

use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::split_key::VerifiedPartialSignature;
use symbolon_protocol::transaction::rebuild_message;

use crate::accounts::{Account, AccountKey};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::Session;

/// What the device adds to a session's message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) interaction: InteractionType,
    pub(super) user_challenge: Option<String>,
    pub(super) salt: Vec<u8>,
}

/// A message, and the key that signs it.
#[derive(Clone)]
pub(super) struct ToSign {
    pub(super) purpose: KeyPurpose,
    pub(super) key: Arc<AccountKey>,
    pub(super) message: EncodedMessage,
}

impl ToSign {
    pub(super) async fn of(
        service: &Service,
        account: &Account,
        session: &Session,
        drawn: &Drawn,
    ) -> Result<Self, Refusal> {
        let purpose = session
            .request
            .purpose()
            .ok_or_else(|| Refusal::new(ProblemCode::Malformed, "nothing is to be signed here"))?;
        let key = service
            .account_keys
            .get(&service.store, &account.document_number, purpose)
            .await?;
        let message = rebuild_message(
            &session.transaction_for(&account.document_number),
            drawn.interaction,
            drawn.user_challenge.as_deref(),
            &drawn.salt,
            key.split_key.modulus(),
        )
        .map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
        Ok(Self {
            purpose,
            key,
            message,
        })
    }

    /// Makes our half. A wrong one, of a token that fails, goes no further.
    pub(super) async fn half(
        &self,
        service: &Service,
    ) -> Result<VerifiedPartialSignature, Refusal> {
        let modulus = self.key.split_key.service_modulus();
        let reduced = self.message.reduced(modulus);
        service
            .keys
            .half_signature(&self.key.service_share, &reduced)
            .await?
            .verified(&self.message, modulus)
            .ok_or_else(token_is_wrong)
    }
}

fn token_is_wrong() -> Refusal {
    tracing::error!("the token made a half that is wrong");
    Refusal::new(
        ProblemCode::Unavailable,
        "the service's half came out wrong; nothing was signed, try again later",
    )
    .retry_after(5)
}
