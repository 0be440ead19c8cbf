//! Transactions as they come and go.

use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::device::transaction::{FetchTransaction, ListPending, Refuse, Transaction};
use uuid::Uuid;

use super::Account;
use crate::announcer::News;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{HistoryEvent, PendingTransaction, User};
use crate::link::LinkError;
use crate::locked::locked;
use crate::transaction::{
    Agreed, Book, Effect, End, Entry, Event, Offer, Pick, Refused, entry_of, examine,
    linked_session,
};

impl Account {
    /// What waits here, as far as is known.
    pub(crate) fn pending(&self) -> Vec<PendingTransaction> {
        locked(&self.book).shown()
    }

    /// Asks the service what waits, and brings the book up to date.
    pub(crate) async fn sync(self: &Arc<Self>) -> Result<(), LinkError> {
        let listed = self.link.call("", &ListPending {}).await?.transactions;
        let ids: Vec<Uuid> = listed.iter().map(|transaction| transaction.id).collect();
        let missing = locked(&self.book).missing_from(&ids);
        for (id, event) in missing {
            self.apply(id, event).await;
        }
        for transaction in listed {
            self.take(transaction).await;
        }
        Ok(())
    }

    /// Fetches a transaction that the service announced.
    pub(crate) async fn fetch(self: &Arc<Self>, id: Uuid) -> Result<(), LinkError> {
        if locked(&self.book).knows(id) {
            return Ok(());
        }
        let transaction = self
            .link
            .call(&id.to_string(), &FetchTransaction {})
            .await?;
        self.take(transaction).await;
        Ok(())
    }

    /// Enters a transaction and offers it, or refuses it by itself.
    pub(crate) async fn take(self: &Arc<Self>, transaction: Transaction) {
        if locked(&self.book).knows(transaction.id) {
            return;
        }
        let judged = examine(transaction.clone(), self.document_number(), |purpose| {
            self.modulus(purpose).ok()
        });
        match judged {
            Ok(offer) => self.offer(offer),
            Err(refused) => self.refuse_unseen(transaction, refused).await,
        }
    }

    fn offer(self: &Arc<Self>, offer: Offer) {
        let id = offer.transaction.id;
        let lasts = Duration::from_secs(u64::from(offer.transaction.expires_in_seconds));
        let choice = linked_session(&offer.transaction);
        if !locked(&self.book).enter(offer) {
            return;
        }
        tracing::info!(transaction = %id, account = %self.document_number(), "offered");
        self.announce(News::Offered(id));
        if let Some(choice) = choice {
            self.linked_arrived(choice, id);
        }
        let account = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            if let Some(account) = account.upgrade() {
                account.apply(id, Event::TimeOver).await;
            }
        });
    }

    async fn refuse_unseen(&self, transaction: Transaction, refused: Refused) {
        tracing::warn!(transaction = %transaction.id, reason = %refused, "refused by this device");
        locked(&self.book).remember(transaction.id, End::Failed);
        let refusal = Refuse {
            reason: refused.reason,
            interaction: None,
        };
        if let Err(error) = self.link.call(&transaction.id.to_string(), &refusal).await {
            tracing::warn!(%error, "the refusal did not reach the service");
        }
        let entry = entry_of(&transaction, HistoryEvent::RefusedByDevice);
        self.record(entry.with_detail(refused.detail)).await;
    }

    /// Gives the book an event and does what follows. True if the caller may proceed.
    pub(crate) async fn apply(&self, id: Uuid, event: Event) -> bool {
        self.apply_by(id, event, None).await
    }

    /// The same for what somebody does.
    pub(crate) async fn apply_by(&self, id: Uuid, event: Event, by: Option<&User>) -> bool {
        let Some((entry, effects)) = locked(&self.book).apply(id, event, by) else {
            return false;
        };
        let mut proceed = false;
        for effect in effects {
            match effect {
                Effect::Proceed => proceed = true,
                Effect::TellEnd(how) => {
                    tracing::info!(transaction = %id, end = how.as_str(), "ended");
                    self.announce(News::Withdrawn(id, how));
                }
                Effect::Record(event) => {
                    let by = entry.answerer.clone().filter(|_| event.is_an_answer());
                    let agreed = match event {
                        HistoryEvent::Approved => entry.agreements.given().to_vec(),
                        _ => Vec::new(),
                    };
                    let told = entry.offer.entry(event).by(by).agreed(agreed);
                    self.record(told).await;
                }
            }
        }
        proceed
    }

    /// Gives the book an event that nobody is told of. True if the caller may proceed.
    pub(crate) fn step(&self, id: Uuid, event: Event) -> bool {
        locked(&self.book)
            .apply(id, event, None)
            .is_some_and(|(_, effects)| effects.contains(&Effect::Proceed))
    }

    /// The entry of a transaction that the person can answer; asks the service for one that was
    /// never heard of here.
    pub(crate) async fn waiting(self: &Arc<Self>, id: Uuid) -> Result<Entry, Fault> {
        if !locked(&self.book).knows(id) {
            self.fetch(id).await?;
        }
        self.known(id)
    }

    /// The same without asking the service.
    pub(crate) fn known(&self, id: Uuid) -> Result<Entry, Fault> {
        let book = locked(&self.book);
        book.entry(id).cloned().ok_or_else(|| gone(&book, id))
    }

    /// Why a transaction cannot be answered now.
    pub(crate) fn why_not(&self, id: Uuid) -> Fault {
        let book = locked(&self.book);
        match book.entry(id) {
            Some(entry) if entry.choosing().is_some() => Fault::with_remedy(
                FaultKind::InvalidArgument,
                "the verification code is to be chosen before the PIN",
                "choose the one that the relying party shows",
            ),
            Some(_) => Fault::with_remedy(
                FaultKind::Failed,
                "the transaction is being answered already",
                "wait for that to end",
            ),
            None => gone(&book, id),
        }
    }

    /// Counts somebody's agreement; `None` where nobody can agree now.
    pub(crate) fn count_agreement(&self, id: Uuid, by: &User) -> Option<(Entry, Agreed)> {
        locked(&self.book).agree(id, by)
    }

    /// Judges the pick of a code; `None` where there is nothing to pick.
    pub(crate) fn pick(&self, id: Uuid, code: &str) -> Option<Pick> {
        locked(&self.book).pick(id, code)
    }

    /// Notes the end of a transaction that did not wait here.
    pub(crate) fn note_end(&self, id: Uuid, how: End) {
        locked(&self.book).remember(id, how);
    }

    pub(crate) fn has_transaction(&self, id: Uuid) -> bool {
        locked(&self.book).knows(id)
    }
}

fn gone(book: &Book, id: Uuid) -> Fault {
    match book.end_of(id) {
        Some(how) => how.fault(),
        None => Fault::with_remedy(
            FaultKind::NotFound,
            "there is no such transaction",
            "`symbolon pending` lists what waits",
        ),
    }
}
