//! The signature that a certificate choice by device link announced.

use axum::Json;
use axum::extract::{Request, State};
use uuid::Uuid;

use super::access::Demand;
use super::notification::{OpenedBody, refused, repeat_key};
use super::path::Document;
use super::problem::Problem;
use super::request::LinkedRequest;
use super::source::Source;
use super::{RelyingPartyApi, body, inquiry};
use crate::sessions::{Asked, CreateError, NewSession, Target};

/// `POST signature/notification/linked/{document number}`
pub(super) async fn sign(
    State(api): State<RelyingPartyApi>,
    Source(source): Source,
    Document(document): Document,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let target = Target::Document(document);
    let body = body::read_object(request).await?;
    let request = LinkedRequest::parse(&body)?;
    let party = api
        .admit(Demand::of_session(&request.opening), source)
        .await?;
    // What is no name of a session is the name of none.
    let choice =
        Uuid::try_parse(&request.linked_session).map_err(|_| refused(CreateError::NotAnnounced))?;
    let mut inquiry = inquiry::of(&party, request.opening);
    if let Asked::Signature { linked_session, .. } = &mut inquiry.asked {
        *linked_session = Some(choice);
    }
    let new = NewSession {
        inquiry,
        repeat_key: Some(repeat_key("linked", &target, &body)),
        target,
    };
    let created = api.sessions.create(new).await.map_err(refused)?;
    Ok(Json(created.into()))
}
