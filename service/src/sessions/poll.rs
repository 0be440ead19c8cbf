//! Waiting for a session's end.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::expiry::KEPT_FOR_RELYING_PARTY;
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
            Some(session) if session.is_running() && session.is_overdue(Timestamp::now()) => {
                self.expire(&session).await?;
                let mut connection = self.store.reader().await?;
                Session::load(&mut connection, id).await
            }
            Some(session) if is_forgotten(&session, Timestamp::now()) => Ok(None),
            other => Ok(other),
        }
    }

    /// The same for a device, which may ask for as long as the session is kept at all.
    pub async fn find_kept(&self, id: &Uuid) -> Result<Option<Session>, StoreError> {
        let mut connection = self.store.reader().await?;
        Session::load(&mut connection, id).await
    }

    /// Waits until the session is over, at most for `timeout` or until the service stops, and
    /// returns it as it then stands.
    pub async fn await_end(
        &self,
        id: &Uuid,
        timeout: Duration,
    ) -> Result<Option<Session>, StoreError> {
        let watch = self.hints.watch_session(*id);
        let mut stopping = self.hints.stopping();
        let deadline = Instant::now() + timeout;
        loop {
            let changed = watch.changed();
            let session = match self.find(id).await? {
                Some(session) if session.is_running() => session,
                other => return Ok(other),
            };
            let now = Instant::now();
            if now >= deadline || *stopping.borrow_and_update() {
                return Ok(Some(session));
            }
            let until_expiry = session.expires_at.remaining(Timestamp::now());
            let wait = LOOK_AGAIN.min(until_expiry).min(deadline - now);
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(wait) => {}
                _ = stopping.changed() => {}
            }
        }
    }
}

fn is_forgotten(session: &Session, now: Timestamp) -> bool {
    match &session.state {
        SessionState::Running => false,
        SessionState::Complete { since, .. } => *since <= now.minus(KEPT_FOR_RELYING_PARTY),
    }
}
