//! A person changes a PIN, by the old one. The old PIN counts as a try.

use std::sync::Arc;

use symbolon_protocol::device::account::ReportPinChange;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::pin_rules;
use symbolon_vault::{Pin, PinOutcome};

use crate::account::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{HistoryEntry, HistoryEvent, User, Verdict};
use crate::enrolment::pin_refused;

impl Account {
    /// Sets a new PIN. The rules are applied before the hardware sees the old one, so that a
    /// refused new PIN costs no try.
    pub(crate) async fn change_pin(
        self: &Arc<Self>,
        purpose: KeyPurpose,
        old: Pin,
        new: Pin,
        by: &User,
    ) -> Result<Verdict, Fault> {
        let name = match purpose {
            KeyPurpose::Authentication => "PIN1",
            KeyPurpose::Signing => "PIN2",
        };
        pin_rules::judge(purpose, new.digits(), self.deed.person.birth_date(), None)
            .map_err(|refusal| pin_refused(name, refusal))?;
        if old.digits() == new.digits() {
            return Err(Fault::with_remedy(
                FaultKind::PinRefused,
                format!("the new {name} is the old one"),
                "choose another",
            ));
        }
        let _turn = self.turn.lock().await;
        self.before_an_entry().await?;
        if let Some(verdict) = self.locked_verdict() {
            return Ok(verdict);
        }
        let deed = self.deed.clone();
        let outcome = self
            .core
            .vault
            .call(move |vault| vault.change_pin(&deed.key(purpose).share, old, &new))
            .await
            .inspect_err(|_| self.forget_count(purpose))?;
        let (outcome, known_to_service) = match outcome {
            PinOutcome::Unjudged(proof) => (self.have_judged(proof).await?, true),
            PinOutcome::Accepted(()) => (PinOutcome::Accepted(None), false),
            PinOutcome::Wrong { tries_left } => (PinOutcome::Wrong { tries_left }, false),
            PinOutcome::Locked => (PinOutcome::Locked, false),
        };
        match outcome {
            PinOutcome::Unjudged(_) => Err(Fault::new(
                FaultKind::Failed,
                "the PIN was proven and still not judged",
            )),
            PinOutcome::Wrong { tries_left } => {
                Ok(self.pin_was_wrong(purpose, tries_left, by).await)
            }
            PinOutcome::Locked => Ok(self.pin_was_locked(purpose).await),
            PinOutcome::Accepted(_) => {
                self.pin_was_right(purpose).await;
                let changed = HistoryEntry::new(HistoryEvent::PinChanged).of(purpose);
                self.record(changed.by(Some(by.clone()))).await;
                if !known_to_service {
                    // For the service's audit; the change is the hardware's and is done.
                    let report = ReportPinChange { purpose };
                    if let Err(error) = self.link.call("", &report).await {
                        tracing::warn!(%error, "the service was not told of the changed PIN");
                    }
                }
                Ok(Verdict::Accepted {})
            }
        }
    }
}
