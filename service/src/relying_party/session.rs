//! Waiting for a session's result.

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use serde::Deserialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::access;
use super::path::Identifier;
use super::problem::{Problem, Violation};
use super::source::Source;
use super::status::StatusBody;
use super::{RelyingPartyApi, poll_time, registry};
use crate::sessions::{ApiVersion, Session, SessionState};

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
) -> Result<Session, Problem> {
    let asked_at = Instant::now();
    let Query(query) = query.map_err(|_| {
        Problem::invalid(vec![Violation::of_parameter(
            "timeoutMs",
            "Invalid timeoutMs: the query cannot be read",
        )])
    })?;
    let deadline = asked_at + poll_time::wait_for(query.timeout_ms.as_deref())?;
    let id = Uuid::try_parse(&id).map_err(|_| Problem::not_found())?;

    let found = api.sessions.find(&id).await?;
    let session = found
        .filter(|session| session.request.version == version)
        .ok_or_else(Problem::not_found)?;
    let party = registry::find(&api.store, session.relying_party).await?;
    // A stranger learns nothing, not even that there is such a session.
    if !party.is_some_and(|party| access::calls_from_its_networks(&party, source)) {
        tracing::warn!(%source, session = %id, "a session was polled from a foreign network");
        return Err(Problem::not_found());
    }
    if !session.is_running() {
        return Ok(session);
    }
    let wait = deadline.saturating_duration_since(Instant::now());
    tracing::debug!(session = %id, ?wait, "a relying party waits");
    let session = api.sessions.await_end(&id, wait).await?;
    session.ok_or_else(Problem::not_found)
}

fn status_of(session: &Session) -> StatusBody {
    match &session.state {
        SessionState::Running => StatusBody::running(&session.request),
        SessionState::Complete { result, .. } => StatusBody::complete(&session.request, result),
    }
}
