//! Where several colleagues must approve: all but the last agree, without a PIN.

use std::sync::Arc;

use uuid::Uuid;

use super::consent;
use crate::account::Account;
use crate::announcer::News;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{Approvals, HistoryEvent, User};
use crate::transaction::{Agreed, Entry};

impl Account {
    /// Agrees to what is to be signed. Asked for twice it counts once.
    pub(crate) async fn agree(self: &Arc<Self>, id: Uuid, by: &User) -> Result<Approvals, Fault> {
        let entry = self.waiting(id).await?;
        if entry.offer.signing.is_none() {
            return Err(consent::nothing_to_sign());
        }
        let Some((entry, agreed)) = self.count_agreement(id, by) else {
            return Err(self.why_not(id));
        };
        let Some(approvals) = entry.approvals().filter(|_| agreed != Agreed::PinIsDue) else {
            return Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "nobody else need agree; what is missing is the PIN",
                "approve it with the PIN: `symbolon approve`",
            ));
        };
        if agreed == Agreed::Counted {
            tracing::info!(transaction = %id, user_id = by.uid, "agreed to");
            self.announce(News::Agreed(id, by.clone()));
            let told = entry.offer.entry(HistoryEvent::Agreed);
            self.record(told.by(Some(by.clone()))).await;
        }
        Ok(approvals)
    }
}

/// Fails as long as others must agree before this user's PIN is taken.
pub(super) fn require_others(entry: &Entry, by: &User) -> Result<(), Fault> {
    let what = match entry.others_missing(by.uid) {
        0 => return Ok(()),
        1 => "another member of the group must agree first".to_owned(),
        several => format!("{several} other members of the group must agree first"),
    };
    Err(Fault::with_remedy(
        FaultKind::NotAuthorized,
        format!("{what}; the PIN was not tried"),
        "each agrees by `symbolon approve`, which takes a PIN only from the last",
    ))
}
