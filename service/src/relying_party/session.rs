//! Waiting for a session's result.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use serde::Deserialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::access;
use super::path::Identifier;
use super::problem::{Problem, Violation};
use super::registry::{self, RelyingParty, relying_party_columns};
use super::source::Source;
use super::status::StatusBody;
use super::{RelyingPartyApi, poll_time};
use crate::sessions::{ApiVersion, Session, SessionState, session_columns};
use crate::store::{Columns, StoreError};

/// The query of a poll; a parameter of another name is ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PollQuery {
    timeout_ms: Option<String>,
}

/// The query as it came in.
pub(super) type AskedQuery = Result<Query<PollQuery>, QueryRejection>;

/// `GET session/{session ID}?timeoutMs=…`
pub(super) async fn session(
    State(api): State<RelyingPartyApi>,
    source: Source,
    id: Identifier,
    query: AskedQuery,
) -> Result<Json<StatusBody>, Problem> {
    let session = wait(&api, ApiVersion::V3, source, id, query).await?;
    Ok(Json(status_of(&session)))
}

/// Waits until a session of this version is over, or for as long as the relying party wants to,
/// and returns it as it then stands.
pub(super) async fn wait(
    api: &RelyingPartyApi,
    version: ApiVersion,
    Source(source): Source,
    Identifier(id): Identifier,
    query: AskedQuery,
) -> Result<Arc<Session>, Problem> {
    let asked_at = Instant::now();
    let Query(query) = query.map_err(|_| {
        Problem::invalid(vec![Violation::of_parameter(
            "timeoutMs",
            "Invalid timeoutMs: the query cannot be read",
        )])
    })?;
    let deadline = asked_at + poll_time::wait_for(query.timeout_ms.as_deref())?;
    let id = Uuid::try_parse(&id).map_err(|_| Problem::not_found())?;

    let waiting = api.sessions.begin_waiting(&id);
    let Found { session, party } = find(api, &id).await?.ok_or_else(Problem::not_found)?;
    if session.request.version != version {
        return Err(Problem::not_found());
    }
    // A stranger learns nothing, not even that there is such a session.
    if !party.is_some_and(|party| access::calls_from_its_networks(&party, source)) {
        tracing::warn!(%source, session = %id, "a session was polled from a foreign network");
        return Err(Problem::not_found());
    }
    let wait = deadline.saturating_duration_since(Instant::now());
    if session.is_running() {
        tracing::debug!(session = %id, ?wait, "a relying party waits");
    }
    let session = api.sessions.await_end(waiting, session, wait).await?;
    session.ok_or_else(Problem::not_found)
}

/// A session as it stands, and who asked for it, unless they were removed.
struct Found {
    session: Session,
    party: Option<RelyingParty>,
}

/// Both by one question to the store.
async fn find(api: &RelyingPartyApi, id: &Uuid) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        relying_party_columns!(),
        " FROM session s LEFT JOIN relying_party r ON r.uuid = s.relying_party WHERE s.id = $1"
    ))
    .bind(id.to_string())
    .fetch_optional(&mut *api.store.reader().await?)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let party = match row.optional_text("uuid")? {
        Some(_) => Some(registry::from_row(&row)?),
        None => None,
    };
    let session = Session::from_row(&row)?;
    let session = api.sessions.as_it_stands(session).await?;
    Ok(session.map(|session| Found { session, party }))
}

fn status_of(session: &Session) -> StatusBody {
    match &session.state {
        SessionState::Running => StatusBody::running(&session.request),
        SessionState::Complete { result, .. } => StatusBody::complete(&session.request, result),
    }
}
