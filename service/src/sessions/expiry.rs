//! Sessions whose time is over: whoever notices first ends them.

use std::time::Duration;

use symbolon_protocol::device::events::Withdrawal;

use super::rows::session_columns;
use super::{EndResult, Session, SessionResult, Sessions, finish};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// How long after its end a session can still be fetched by the relying party.
pub(super) const KEPT_FOR_RELYING_PARTY: Duration = Duration::from_secs(5 * 60);

impl Sessions {
    /// Ends a session whose time is over. Another node may have been faster; then nothing changes.
    pub(super) async fn expire(&self, session: &Session) -> Result<(), StoreError> {
        let overdue = session.clone();
        self.store
            .write(move |connection| {
                Box::pin(async move {
                    let result = SessionResult::without_signature(EndResult::Timeout);
                    let now = Timestamp::now();
                    let reason = Withdrawal::Expired;
                    finish(connection, &overdue, &result, None, reason, now).await
                })
            })
            .await?;
        self.announce_end(session);
        Ok(())
    }

    /// Ends every session whose time is over.
    pub async fn expire_overdue(&self) -> Result<(), StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM session s WHERE s.state = 'running' AND s.expires_at <= $1"
        ))
        .bind(Timestamp::now().milliseconds())
        .fetch_all(&mut *self.store.reader().await?)
        .await?;
        for row in &rows {
            self.expire(&Session::from_row(row)?).await?;
        }
        Ok(())
    }
}
