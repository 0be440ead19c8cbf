//! The relying-party API, version 2: what clients speak that were written before 2025.
//!
//! Here a relying party sends a hash for a login as for a signature, and both sides compute the
//! code from it. Everything but the words is version 3's: who may ask ([`super::access`]), whom
//! ([`super::path`]), the sessions and the waiting for them.
//!
//! A login of version 2 binds nothing that its person saw, so an operator must give it twice: the
//! service a prefix, and each relying party the permission (decision 13).

mod certificate_choice;
mod open;
pub(super) mod problem;
pub(super) mod request;
pub(super) mod routes;
pub(super) mod status;

use axum::extract::{Request, State};
use axum::{Json, Router};

use super::RelyingPartyApi;
use super::path::Identifier;
use super::problem::{Problem, Violation};
use super::registry::RelyingParty;
use super::session::{self, AskedQuery};
use super::source::Source;
use crate::sessions::{ApiVersion, Target};
use status::StatusBody;

/// The routes below the prefix.
pub(super) fn router() -> Router<RelyingPartyApi> {
    routes::router()
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::map_response(problem::in_other_words))
}

/// `GET session/{session ID}?timeoutMs=…`
async fn session_status(
    State(api): State<RelyingPartyApi>,
    source: Source,
    id: Identifier,
    query: AskedQuery,
) -> Result<Json<StatusBody>, Problem> {
    let session = session::wait(&api, ApiVersion::V2, source, id, query).await?;
    Ok(Json(StatusBody::of(&session)))
}

fn require_permission(party: &RelyingParty) -> Result<(), Problem> {
    if party.allow_version_2 {
        return Ok(());
    }
    Err(Problem::forbidden(vec![Violation {
        code: None,
        detail: "Relying Party does not have permissions to use version 2".to_owned(),
        param_name: None,
        pointer: None,
    }]))
}
