//! A person approves or refuses.
//!
//! * here: from the prompt to the hardware's verdict.
//! * `agreement`: where several must approve.
//! * `consent`: what needs no PIN.
//! * `draft`: from what was shown to the share on the disk.
//! * `confirmation`: from the share to the stored answer, over lost answers and crashes.

mod agreement;
mod confirmation;
mod consent;
mod draft;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use symbolon_protocol::device::Exchange;
use symbolon_protocol::device::transaction::{RefusalReason, Refuse};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_vault::{Judge, Pin, PinOutcome};
use uuid::Uuid;

use self::draft::Approving;
use crate::account::Account;
use crate::accounts::Underway;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{ApprovalBegun, CodeChosen, PinStanding, User, Verdict};
use crate::transaction::{Entry, Event, Pick, RefusedAs, Signing};

pub(crate) use self::draft::Drafted;

impl Account {
    /// What is approved, and whether a PIN may be asked for; runs a release that is due. Vault, disk
    /// and service make ready behind our back.
    pub(crate) async fn begin_approval(
        self: &Arc<Self>,
        id: Uuid,
        uid: u32,
    ) -> Result<ApprovalBegun, Fault> {
        let entry = self.waiting(id).await?;
        let purpose = entry.offer.transaction.purpose();
        self.settle_lock_if_any().await;
        let pin = self.pin_standing(purpose.unwrap_or(KeyPurpose::Signing));
        let others_missing = entry.others_missing(uid);
        if let (Some(purpose), PinStanding::Open { .. }, 0) = (purpose, pin, others_missing) {
            let deed = self.deed.clone();
            self.core.vault.post(move |vault| {
                if let Err(error) = vault.prepare(&deed.key(purpose).share) {
                    tracing::debug!(%error, "nothing was prepared; signing will do it all");
                }
            });
            self.begin_draft(&entry);
            let account = self.clone();
            tokio::spawn(async move {
                if let Err(error) = account.make_room().await {
                    tracing::debug!(%error, "no room was made; approving will try again");
                }
            });
        }
        Ok(ApprovalBegun {
            transaction: entry.shown(),
            pin,
            others_missing,
        })
    }

    /// Picks one of three verification codes.
    pub(crate) async fn choose_code(
        self: &Arc<Self>,
        id: Uuid,
        code: &str,
        by: &User,
    ) -> Result<CodeChosen, Fault> {
        self.waiting(id).await?;
        match self.pick(id, code) {
            Some(Pick::Right) => Ok(CodeChosen::Right {}),
            Some(Pick::Wrong) => {
                self.end_by_wrong_code(id, by).await;
                Ok(CodeChosen::Wrong {})
            }
            Some(Pick::NotOffered) => Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "the request does not offer this code",
                "if the relying party shows it, this is not the request that you began: `symbolon refuse`",
            )),
            None => Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "there is no code to choose",
                "`symbolon pending` shows what waits",
            )),
        }
    }

    /// It is over here whether or not the service hears of it: a second pick would be a guess.
    async fn end_by_wrong_code(&self, id: Uuid, by: &User) {
        self.apply_by(id, Event::WrongCodePicked, Some(by)).await;
        let refusal = Refuse {
            reason: RefusalReason::WrongVerificationCode,
            interaction: None,
        };
        if let Err(error) = self.link.call(&id.to_string(), &refusal).await {
            tracing::warn!(%error, transaction = %id, "the wrong code did not reach the service");
        }
    }

    /// Approves with a PIN.
    pub(crate) async fn approve(
        self: &Arc<Self>,
        id: Uuid,
        pin: Pin,
        by: &User,
    ) -> Result<Verdict, Fault> {
        let _turn = self.turn.lock().await;
        self.finish_earlier().await?;
        let entry = self.waiting(id).await?;
        let Some(signing) = entry.offer.signing.clone() else {
            return Err(consent::nothing_to_sign());
        };
        agreement::require_others(&entry, by)?;
        self.before_an_entry().await?;
        if let Some(verdict) = self.locked_verdict() {
            return Ok(verdict);
        }
        // A full disk is met before the hardware gets the PIN, not with a share in hand.
        self.make_room().await?;
        if !self.apply_by(id, Event::PinGiven, Some(by)).await {
            return Err(self.why_not(id));
        }
        match self.judge(&entry, &signing, pin, by).await {
            Ok(Judged::Right(underway)) => {
                // The counter may have to be read, and nobody waits for that.
                let noted = self.pin_was_right(signing.purpose);
                let (confirmed, ()) = tokio::join!(self.confirm(&underway), noted);
                confirmed.map(|()| Verdict::Accepted {})
            }
            Ok(Judged::Not(verdict)) => {
                self.apply(id, Event::PinNotAccepted).await;
                Ok(verdict)
            }
            Err(fault) => {
                self.apply(id, Event::PinNotAccepted).await;
                Err(fault)
            }
        }
    }

    /// Refuses, with the interaction that the person saw.
    pub(crate) async fn refuse(
        self: &Arc<Self>,
        id: Uuid,
        refused_as: RefusedAs,
        by: &User,
    ) -> Result<(), Fault> {
        let entry = self.waiting(id).await?;
        if !self.apply_by(id, Event::RefusalChosen, Some(by)).await {
            return Err(self.why_not(id));
        }
        let refusal = Refuse {
            reason: match refused_as {
                RefusedAs::Unwanted => RefusalReason::User,
                RefusedAs::NotMine => RefusalReason::NotStarted,
            },
            interaction: entry.screen(),
        };
        self.answer(id, &refusal, Event::RefusalFailed).await?;
        self.apply(id, Event::RefusalSent(refused_as)).await;
        Ok(())
    }

    /// Sends an answer without a signature. If the service did not take it, the transaction has
    /// ended in another way, or it waits on after `undecided`.
    async fn answer<E: Exchange>(
        &self,
        id: Uuid,
        answer: &E,
        undecided: Event,
    ) -> Result<E::Reply, Fault> {
        match self.link.call(&id.to_string(), answer).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                let event = confirmation::end_of(&error).map_or(undecided, Event::Answered);
                self.apply(id, event).await;
                Err(error.into())
            }
        }
    }

    /// The service may not be reachable; then what is known must do.
    pub(crate) async fn settle_lock_if_any(self: &Arc<Self>) {
        self.read_unknown_counts().await;
        if !self.may_be_locked() {
            return;
        }
        if let Err(fault) = self.settle_lock().await {
            tracing::warn!(%fault, account = %self.document_number(), "the lock is not settled");
        }
    }

    /// Gives the PIN to the hardware, and keeps the confirmation that follows from a right one.
    async fn judge(
        self: &Arc<Self>,
        entry: &Entry,
        signing: &Signing,
        pin: Pin,
        by: &User,
    ) -> Result<Judged, Fault> {
        let purpose = signing.purpose;
        let id = entry.offer.transaction.id;
        let mut drafted = match self.take_draft(id) {
            Some(drafted) => drafted,
            None => Drafted::new(self, entry, signing)?,
        };
        self.tell_ahead(&mut drafted);
        let approving = Arc::new(Approving {
            account: self.clone(),
            entry: entry.clone(),
            by: by.clone(),
            draft: drafted.draft.clone(),
        });
        let signed = approving.clone();
        let outcome = self
            .core
            .vault
            .call(move |vault| {
                let outcome = vault.sign(signed.share(), pin, signed.draft.message())?;
                Ok(outcome.map(|share| signed.keep(&share)))
            })
            .await
            .inspect_err(|_| self.forget_count(purpose))?;
        let outcome = match outcome {
            PinOutcome::Unjudged(proof) => {
                let outcome = self.have_judged(proof).await?;
                let kept = move |share: Option<_>| share.map(|share| approving.keep(&share));
                self.core.vault.call(|_| Ok(outcome.map(kept))).await?
            }
            outcome => outcome.map(Some),
        };
        match outcome {
            PinOutcome::Accepted(Some(Ok(underway))) => {
                if let Some(verifier) = drafted.verifier {
                    self.remember_verifier(id, verifier);
                }
                Ok(Judged::Right(Box::new(underway)))
            }
            PinOutcome::Accepted(Some(Err(fault))) => {
                self.pin_was_right(purpose).await;
                Err(fault)
            }
            PinOutcome::Wrong { tries_left } => {
                // Nothing was signed: it serves the next try.
                self.keep_draft(drafted);
                Ok(Judged::Not(
                    self.pin_was_wrong(purpose, tries_left, by).await,
                ))
            }
            PinOutcome::Locked => Ok(Judged::Not(self.pin_was_locked(purpose).await)),
            PinOutcome::Accepted(None) | PinOutcome::Unjudged(_) => Err(Fault::with_remedy(
                FaultKind::Failed,
                "the PIN was judged, but the hardware made no share",
                "try again; `symbolon doctor` examines the hardware",
            )),
        }
    }

    /// What can be done before the PIN is typed: draws, rebuilds the message, tells the service.
    fn begin_draft(self: &Arc<Self>, entry: &Entry) {
        let id = entry.offer.transaction.id;
        let Some(signing) = &entry.offer.signing else {
            return;
        };
        let drafted = match self.take_draft(id) {
            Some(drafted) => Ok(drafted),
            None => Drafted::new(self, entry, signing),
        };
        match drafted {
            Ok(mut drafted) => {
                self.tell_ahead(&mut drafted);
                self.keep_draft(drafted);
            }
            Err(fault) => tracing::debug!(%fault, "nothing was drawn; approving will do it"),
        }
    }

    /// Lets the service make its half before it is needed. Only over a connection that is there: a
    /// new one's handshake would keep the hardware from the PIN. And not where the service judges
    /// that: it makes nothing before.
    fn tell_ahead(self: &Arc<Self>, drafted: &mut Drafted) {
        if drafted.told || self.core.vault.judge() != Judge::Hardware || !self.link.is_connected() {
            return;
        }
        drafted.told = true;
        let id = drafted.transaction();
        let prepare = drafted.draft.prepare();
        let account = self.clone();
        tokio::spawn(async move {
            if let Err(error) = account.link.call(&id.to_string(), &prepare).await {
                tracing::debug!(%error, "the service was not told ahead");
            }
        });
    }
}

enum Judged {
    /// Right: the confirmation, as it is on the disk.
    Right(Box<Underway>),
    Not(Verdict),
}
