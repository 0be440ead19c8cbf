//! Stays connected to the service and handles what it pushes.
//!
//! An event is a hint. What counts is asked for whenever a stream begins (a confirmation under
//! way, the lock, what is pending), so a lost event costs time and nothing else. There are no
//! timers but the connection's own keep-alive and, after a failure, the wait before the next try.

use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::device::enrolment::Activate;
use symbolon_protocol::device::events::{Acknowledge, Event};
use symbolon_protocol::device::problem::ProblemCode;

use super::Account;
use crate::bus::messages::Connection;
use crate::clock::now;
use crate::link::{Backoff, LinkError, Pushed};
use crate::transaction;

/// Something in between that holds a stream back shows by the missing first event.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// After this many streams that brought nothing, long polls are tried.
const STREAM_ATTEMPTS: u32 = 3;
const POLL: Duration = Duration::from_secs(50);

/// How pushed events reach this account.
#[derive(Debug, Default)]
struct Push {
    backoff: Backoff,
    /// Streams in a row that opened and brought nothing.
    mute_streams: u32,
}

/// How a connection ended that did not fail.
enum Ended {
    /// The service closed the stream.
    ByService,
    /// Somebody knows that a new connection is due.
    Nudged,
}

impl Account {
    /// Runs until the account is closed. Dropping it is the way to end it earlier.
    pub(crate) async fn keep(self: Arc<Self>) {
        self.read_counts().await;
        let mut push = Push::default();
        while !self.is_closed() {
            let ended = match self.clone().session(&mut push).await {
                Ok(Ended::Nudged) => {
                    push.backoff.succeeded();
                    continue;
                }
                Ok(Ended::ByService) => Ok(()),
                Err(error) => Err(error),
            };
            let wait = push.backoff.next_wait();
            match &ended {
                Ok(()) => tracing::debug!(account = %self.document_number(), "the stream ended"),
                Err(error) => {
                    tracing::warn!(%error, account = %self.document_number(), ?wait, "not connected");
                }
            }
            if ended.as_ref().is_err_and(closes) {
                self.closed_by_service(None).await;
                break;
            }
            self.set_connection(Connection::Disconnected {
                detail: ended.map_or_else(
                    |error| error.to_string(),
                    |()| "the service ended the stream".to_owned(),
                ),
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.nudge.notified() => push.backoff.succeeded(),
            }
        }
        self.set_connection(Connection::Ended {
            detail: "the account is closed".to_owned(),
        });
    }

    /// From connecting until the connection fails.
    async fn session(self: Arc<Self>, push: &mut Push) -> Result<Ended, LinkError> {
        self.activate().await?;
        self.resume_underway().await;
        if push.mute_streams < STREAM_ATTEMPTS {
            self.stream(push).await
        } else {
            self.poll(push).await
        }
    }

    /// Tells the service that the enrolment is stored here, if it does not know.
    pub(crate) async fn activate(&self) -> Result<(), LinkError> {
        let Some(enrolment) = self.standing().to_activate else {
            return Ok(());
        };
        self.link.call(&enrolment.to_string(), &Activate {}).await?;
        if let Err(error) = self.change(|standing| standing.to_activate = None).await {
            tracing::warn!(%error, "the activation was not stored; it will be repeated");
        }
        Ok(())
    }

    async fn stream(self: &Arc<Self>, push: &mut Push) -> Result<Ended, LinkError> {
        let cursor = self.core.store.read_cursor(self.document_number());
        let mut stream = self.link.open_events(cursor).await?;
        let first = tokio::time::timeout(HELLO_TIMEOUT, stream.next())
            .await
            .unwrap_or_else(|_| {
                Err(LinkError::Unreachable(
                    "the stream of events brought nothing".to_owned(),
                ))
            });
        let mut next = match first {
            Ok(Some(pushed)) => pushed,
            Ok(None) => {
                push.mute_streams += 1;
                return Ok(Ended::ByService);
            }
            Err(error) => {
                push.mute_streams += 1;
                return Err(error);
            }
        };
        push.mute_streams = 0;
        push.backoff.succeeded();
        self.connected(false).await?;
        loop {
            match next {
                Pushed::Retry(wait) => push.backoff.ask(wait),
                Pushed::Event(cursor, event) => {
                    self.handle(event).await?;
                    self.handled(cursor, stream.has_more()).await?;
                }
            }
            // Only here: what an event brought about is done to its end.
            let pushed = tokio::select! {
                pushed = stream.next() => pushed?,
                () = self.nudge.notified() => return Ok(Ended::Nudged),
            };
            next = match pushed {
                Some(pushed) => pushed,
                None => return Ok(Ended::ByService),
            };
        }
    }

    async fn poll(self: &Arc<Self>, push: &mut Push) -> Result<Ended, LinkError> {
        self.connected(true).await?;
        push.backoff.succeeded();
        loop {
            let cursor = self.core.store.read_cursor(self.document_number());
            let batch = tokio::select! {
                batch = self.link.poll_events(cursor, POLL) => batch?,
                () = self.nudge.notified() => return Ok(Ended::Nudged),
            };
            let last = batch.events.len();
            for (place, numbered) in batch.events.into_iter().enumerate() {
                self.handle(numbered.event).await?;
                self.handled(Some(numbered.cursor), place + 1 < last)
                    .await?;
            }
        }
    }

    /// Learns all that could have been missed.
    async fn connected(self: &Arc<Self>, long_poll: bool) -> Result<(), LinkError> {
        self.set_connection(Connection::Connected {
            since: now(),
            long_poll,
        });
        tracing::info!(account = %self.document_number(), long_poll, "connected");
        if let Err(fault) = self.settle_lock().await {
            tracing::warn!(%fault, account = %self.document_number(), "the lock is not settled");
        }
        self.sync().await
    }

    async fn handle(self: &Arc<Self>, event: Event) -> Result<(), LinkError> {
        match event {
            Event::Hello {
                keep_alive_seconds,
                server_time,
            } => {
                self.link.set_keep_alive(keep_alive_seconds);
                self.note_clock(server_time);
                Ok(())
            }
            Event::Offered { transaction } => match self.fetch(transaction).await {
                // It ended before we came for it.
                Err(error) if !error.is_passing() && !closes(&error) => Ok(()),
                fetched => fetched,
            },
            Event::Withdrawn {
                transaction,
                reason,
            } => {
                self.apply(transaction, transaction::Event::Withdrawn(reason))
                    .await;
                Ok(())
            }
            Event::AccountChanged {} => {
                let account = self.clone();
                // A release waits for the vault; events need not.
                tokio::spawn(async move {
                    if let Err(fault) = account.settle_lock().await {
                        tracing::warn!(%fault, "the lock is not settled");
                    }
                });
                Ok(())
            }
        }
    }

    /// Keeps the cursor, and acknowledges once per burst.
    async fn handled(&self, cursor: Option<i64>, more_to_come: bool) -> Result<(), LinkError> {
        let Some(cursor) = cursor else {
            return Ok(());
        };
        if self.is_deleted() {
            return Ok(());
        }
        self.core.store.save_cursor(self.document_number(), cursor);
        if !more_to_come {
            self.link.call("", &Acknowledge { cursor }).await?;
        }
        Ok(())
    }
}

/// Whether the service says that the account is no more.
fn closes(error: &LinkError) -> bool {
    error.code() == Some(ProblemCode::AccountClosed)
}
