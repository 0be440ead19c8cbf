//! Hearing that a transaction ended while the person is asked about it.

use futures_util::StreamExt;
use symbolon_daemon::bus::client::WithdrawnStream;
use symbolon_daemon::transaction::End;

use super::Session;
use crate::exit::{Exit, Failure};

/// What the daemon tells of ended transactions from now on.
pub(super) struct Ends(WithdrawnStream);

impl Ends {
    /// Begins to listen. What ended before is not told.
    pub(super) async fn listen(session: &Session) -> Result<Self, Failure> {
        // The match first: what is told at once must be heard.
        let stream = session.daemon.receive_withdrawn().await?;
        session.daemon.subscribe().await?;
        Ok(Self(stream))
    }

    /// Waits for the end of a transaction.
    pub(super) async fn of(&mut self, id: &str) -> Result<End, Failure> {
        while let Some(told) = self.0.next().await {
            let told = told.args()?;
            if told.transaction == id {
                return Ok(End::of_reason(told.reason).unwrap_or(End::Failed));
            }
        }
        Err(Failure::new(
            Exit::DaemonUnreachable,
            "the daemon went away; look at: journalctl -u symbolond",
        ))
    }

    /// Waits until no answer to a transaction is of use any more; why, as the daemon would say it.
    pub(super) async fn against(ends: Option<&mut Self>, id: &str) -> Failure {
        let Some(ends) = ends else {
            return std::future::pending().await;
        };
        match ends.of(id).await {
            Ok(how) => how.fault().into(),
            Err(failure) => failure,
        }
    }
}
