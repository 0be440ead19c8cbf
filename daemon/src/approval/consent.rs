//! A person agrees to what needs no PIN: a relying party gets to know their signing certificate.

use std::sync::Arc;

use symbolon_protocol::device::transaction::Consent;
use uuid::Uuid;

use crate::account::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{ConsentTaken, User};
use crate::transaction::Event;

impl Account {
    /// Agrees. Neither the hardware nor the freshness token has a part in it.
    pub(crate) async fn consent(
        self: &Arc<Self>,
        id: Uuid,
        by: &User,
    ) -> Result<ConsentTaken, Fault> {
        let entry = self.waiting(id).await?;
        if entry.offer.signing.is_some() {
            return Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "this is to be signed; agreeing to it is not enough",
                "approve it with the PIN: `symbolon approve`",
            ));
        }
        if !self.apply_by(id, Event::ConsentGiven, Some(by)).await {
            return Err(self.why_not(id));
        }
        let consented = self.answer(id, &Consent {}, Event::ConsentFailed).await?;
        let linked_within_seconds = consented.linked_within_seconds;
        if let Some(seconds) = linked_within_seconds {
            self.expect_linked(id, seconds);
        }
        self.apply(id, Event::ConsentSent).await;
        Ok(ConsentTaken {
            linked_within_seconds,
        })
    }
}

/// A PIN was brought for a transaction that has nothing to sign.
pub(super) fn nothing_to_sign() -> Fault {
    Fault::with_remedy(
        FaultKind::InvalidArgument,
        "nothing is to be signed here, so no PIN is taken",
        "agree to it, or refuse: `symbolon approve`, `symbolon refuse`",
    )
}
