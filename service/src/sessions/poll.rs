//! Waiting for a session's end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;
use uuid::Uuid;

use super::expiry::KEPT_FOR_RELYING_PARTY;
use super::hints::SessionWatch;
use super::{Session, SessionState, Sessions};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// How long to trust in hints before looking into the store again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Sessions {
    /// The session as it stands; none if it never was or its result is no longer kept.
    pub async fn find(&self, id: &Uuid) -> Result<Option<Session>, StoreError> {
        let mut connection = self.store.reader().await?;
        let session = Session::load(&mut connection, id).await?;
        drop(connection);
        match session {
            Some(session) => self.as_it_stands(session).await,
            None => Ok(None),
        }
    }

    /// The same for a session that was just read.
    pub(crate) async fn as_it_stands(
        &self,
        session: Session,
    ) -> Result<Option<Session>, StoreError> {
        if session.is_running() && session.is_overdue(Timestamp::now()) {
            self.expire(&session).await?;
            let mut connection = self.store.reader().await?;
            return Session::load(&mut connection, &session.id).await;
        }
        Ok((!is_forgotten(&session, Timestamp::now())).then_some(session))
    }

    /// The same for a device, which may ask for as long as the session is kept at all.
    pub async fn find_kept(&self, id: &Uuid) -> Result<Option<Session>, StoreError> {
        let mut connection = self.store.reader().await?;
        Session::load(&mut connection, id).await
    }

    /// Takes a place among those who wait for a session's end. Whoever reads the session after
    /// this misses nothing.
    pub fn begin_waiting(&self, id: &Uuid) -> Waiting {
        let watch = self.hints.watch_session(*id);
        Waiting {
            changed: watch.changed(),
            watch,
        }
    }

    /// Waits until the session is over, at most for `timeout` or until the service stops, and
    /// returns it as it then stands. `session` is how it stood after `waiting` had begun.
    pub async fn await_end(
        &self,
        waiting: Waiting,
        mut session: Session,
        timeout: Duration,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let Waiting { watch, mut changed } = waiting;
        let mut stopping = self.hints.stopping();
        let deadline = Instant::now() + timeout;
        loop {
            let now = Instant::now();
            if !session.is_running() || now >= deadline || *stopping.borrow_and_update() {
                return Ok(Some(Arc::new(session)));
            }
            let until_expiry = session.expires_at.remaining(Timestamp::now());
            let wait = LOOK_AGAIN.min(until_expiry).min(deadline - now);
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(wait) => {}
                _ = stopping.changed() => {}
            }
            if let Some(ended) = watch.came() {
                return Ok(Some(Arc::clone(ended)));
            }
            changed = watch.changed();
            session = match self.find(&session.id).await? {
                Some(session) => session,
                None => return Ok(None),
            };
        }
    }
}

/// A place among those who wait for a session's end.
pub struct Waiting {
    watch: SessionWatch,
    changed: OwnedNotified,
}

fn is_forgotten(session: &Session, now: Timestamp) -> bool {
    match &session.state {
        SessionState::Running => false,
        SessionState::Complete { since, .. } => *since <= now.minus(KEPT_FOR_RELYING_PARTY),
    }
}
