//! From the share to the stored answer.
//!
//! The body was stored before it is first sent. It is sent, octet for octet the same, until the
//! service has decided; then first the next freshness token is stored, and then the body
//! forgotten. Whatever ends this in between, the next start goes on from what is stored.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{Confirm, Confirmed};
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::split_key::Signature;
use symbolon_protocol::transaction::rebuild_message;

use crate::account::Account;
use crate::accounts::Underway;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::HistoryEvent;
use crate::link::{Backoff, LinkError};
use crate::transaction::{End, Event, entry_of};

/// The waits between the attempts that a person watches. After them it goes on unwatched.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

impl Account {
    /// Sends a stored confirmation until the service decides, for a few seconds.
    pub(super) async fn confirm(self: &Arc<Self>, underway: &Underway) -> Result<(), Fault> {
        let mut waits = WAITS.into_iter();
        loop {
            let error = match self.confirm_once(underway).await {
                Ok(outcome) => return outcome,
                Err(error) => error,
            };
            tracing::warn!(%error, transaction = %underway.transaction.id, "no answer to the approval");
            let Some(wait) = waits.next() else {
                self.clone().retry_unwatched();
                return Err(Fault::with_remedy(
                    FaultKind::ServiceUnreachable,
                    format!("the PIN was right, but {error}"),
                    "the approval is kept and will be sent by itself; do not type the PIN again",
                ));
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends what an earlier life of the daemon, or a cut connection, left undecided. For the
    /// keeper, at each connection.
    pub(crate) async fn resume_underway(self: &Arc<Self>) {
        let _turn = self.turn.lock().await;
        if let Err(fault) = self.finish_earlier().await {
            tracing::warn!(%fault, account = %self.document_number(), "an approval is still under way");
            self.clone().retry_unwatched();
        }
    }

    /// Goes on with the confirmation under way until the service decides. One such task at most.
    fn retry_unwatched(self: Arc<Self>) {
        if self.retrying.swap(true, Ordering::Relaxed) {
            return;
        }
        tokio::spawn(async move {
            let mut backoff = Backoff::default();
            while !self.is_closed() {
                tokio::time::sleep(backoff.next_wait()).await;
                let _turn = self.turn.lock().await;
                match self.finish_earlier().await {
                    Ok(()) => break,
                    Err(fault) if fault.kind == FaultKind::Damaged => break,
                    Err(fault) => tracing::debug!(%fault, "an approval is still under way"),
                }
            }
            self.retrying.store(false, Ordering::Relaxed);
        });
    }

    /// Settles the confirmation under way, if there is one: nothing else may present its token.
    /// The caller has the turn.
    pub(crate) async fn finish_earlier(self: &Arc<Self>) -> Result<(), Fault> {
        let Some(underway) = self.underway()? else {
            return Ok(());
        };
        let is_current = underway.presents(&self.standing().freshness_token);
        if !is_current {
            // The current token must be on the disk before the confirmation that would bring it
            // again is gone: a crash in between would leave only a used one.
            self.save_if_needed().await?;
            self.forget_underway().await;
            return Ok(());
        }
        match self.confirm_once(&underway).await {
            // Decided, one way or the other; that the decision was no is that approval's fault.
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::with_remedy(
                FaultKind::ServiceUnreachable,
                format!("an earlier approval is still without an answer: {error}"),
                "try again when the service can be reached",
            )),
        }
    }

    /// One attempt. `Err` means that nothing is decided.
    async fn confirm_once(
        self: &Arc<Self>,
        underway: &Underway,
    ) -> Result<Result<(), Fault>, LinkError> {
        let id = underway.transaction.id;
        let body = Bytes::from(underway.body.clone());
        match self
            .link
            .call_with_body::<Confirm>(&id.to_string(), body)
            .await
        {
            Ok(confirmed) => Ok(self.confirmed(underway, confirmed).await),
            Err(LinkError::Refused(problem))
                if !LinkError::Refused(problem.clone()).is_passing() =>
            {
                let error = LinkError::Refused(problem);
                let how = end_of(&error).unwrap_or(End::Failed);
                self.forget_underway().await;
                if error.code() == Some(ProblemCode::AccountClosed) {
                    self.closed_by_service(None).await;
                }
                self.ended(underway, how).await;
                Ok(Err(error.into()))
            }
            Err(error) => {
                self.link.hang_up().await;
                Err(error)
            }
        }
    }

    async fn confirmed(
        self: &Arc<Self>,
        underway: &Underway,
        confirmed: Confirmed,
    ) -> Result<(), Fault> {
        let token = FreshnessToken::parse(&confirmed.freshness_token).map_err(|error| {
            Fault::with_remedy(
                FaultKind::ServiceRefused,
                format!("the service answered what it should not: {error}"),
                "tell whoever runs the service",
            )
        })?;
        match self
            .change(|standing| standing.freshness_token = token)
            .await
        {
            Ok(()) => self.forget_underway().await,
            // The stored body brings the same answer again after a restart.
            Err(error) => tracing::error!(%error, "the next token was not stored"),
        }
        if !self.is_signed(underway, confirmed.signature.0) {
            self.ended(underway, End::Failed).await;
            return Err(Fault::with_remedy(
                FaultKind::ServiceRefused,
                "the service returned a signature that does not verify",
                "tell whoever runs the service",
            ));
        }
        self.ended(underway, End::Approved).await;
        Ok(())
    }

    /// Whether the whole signature is right, by our own modulus.
    fn is_signed(&self, underway: &Underway, signature: Vec<u8>) -> bool {
        let transaction = &underway.transaction;
        let Some(purpose) = transaction.purpose() else {
            return false;
        };
        let (Ok(request), Ok(modulus)) = (underway.request(), self.modulus(purpose)) else {
            return false;
        };
        rebuild_message(
            transaction,
            request.interaction,
            request.user_challenge.as_deref(),
            request.salt.as_slice(),
            &modulus,
        )
        .is_ok_and(|message| Signature::verified(signature, &message, &modulus).is_ok())
    }

    async fn ended(&self, underway: &Underway, how: End) {
        let id = underway.transaction.id;
        if self.has_transaction(id) {
            self.apply(id, Event::Answered(how)).await;
            return;
        }
        // Approved in an earlier life of the daemon.
        let event = match how {
            End::Approved => HistoryEvent::Approved,
            End::AnsweredElsewhere => HistoryEvent::AnsweredElsewhere,
            End::Expired => HistoryEvent::Expired,
            _ => HistoryEvent::RefusedByDevice,
        };
        self.note_end(id, how);
        let by = underway.by.clone().filter(|_| event.is_an_answer());
        let entry = entry_of(&underway.transaction, event).by(by);
        self.record(entry.agreed(underway.agreed.clone())).await;
    }
}

/// What a refusal of the service means for the transaction; `None` if nothing is decided.
pub(super) fn end_of(error: &LinkError) -> Option<End> {
    Some(match error.code()? {
        ProblemCode::AlreadyAnswered => End::AnsweredElsewhere,
        ProblemCode::Expired | ProblemCode::NotFound => End::Expired,
        ProblemCode::Locked | ProblemCode::AccountClosed => End::AccountUnusable,
        ProblemCode::Unavailable | ProblemCode::TooManyRequests => return None,
        _ => End::Failed,
    })
}
