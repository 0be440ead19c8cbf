//! Opening logins and signatures of version 2.

use serde_json::{Map, Value};

use super::*;
use crate::relying_party::access::Demand;
use crate::relying_party::notification::{OpenedBody, refused, repeat_key};
use crate::relying_party::request::SessionKind;
use crate::relying_party::{body, inquiry};
use crate::sessions::{Inquiry, NewSession};

/// Whom a path names.
pub(super) enum Whom {
    /// A person or an account.
    Target(Target),
    /// A customer of a private company, by that company's own number. Nobody is enrolled under
    /// such a number here.
    Customer,
}

/// `POST authentication/{etsi, document}/{whom}`
pub(super) async fn authenticate<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let (kind, whom) = (SessionKind::Authentication, Whom::Target(whom.into()));
    open(&api, kind, whom, source, request).await
}

/// `POST authentication/private/{issuer}/{identifier}`
pub(super) async fn authenticate_customer(
    State(api): State<RelyingPartyApi>,
    source: Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let kind = SessionKind::Authentication;
    open(&api, kind, Whom::Customer, source, request).await
}

/// `POST signature/{etsi, document}/{whom}`
pub(super) async fn sign<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let (kind, whom) = (SessionKind::Signature, Whom::Target(whom.into()));
    open(&api, kind, whom, source, request).await
}

/// `POST signature/private/{issuer}/{identifier}`
pub(super) async fn sign_customer(
    State(api): State<RelyingPartyApi>,
    source: Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let kind = SessionKind::Signature;
    open(&api, kind, Whom::Customer, source, request).await
}

async fn open(
    api: &RelyingPartyApi,
    kind: SessionKind,
    whom: Whom,
    Source(source): Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let body = body::read_object(request).await?;
    let request = super::request::parse(kind, &body)?;
    let party = api.admit(Demand::of_session(&request), source).await?;
    require_permission(&party)?;
    let operation = match kind {
        SessionKind::Authentication => "v2 authentication",
        SessionKind::Signature => "v2 signature",
    };
    let inquiry = inquiry::of(&party, request);
    begin(api, &party, whom, operation, &body, inquiry).await
}

/// Begins what was permitted, unless the very same was begun within the last seconds.
pub(super) async fn begin(
    api: &RelyingPartyApi,
    party: &RelyingParty,
    whom: Whom,
    operation: &str,
    body: &Map<String, Value>,
    inquiry: Inquiry,
) -> Result<Json<OpenedBody>, Problem> {
    let Whom::Target(target) = whom else {
        return Err(Problem::not_found());
    };
    api.admit_push(party, &target)?;
    let new = NewSession {
        repeat_key: Some(repeat_key(operation, &target, body)),
        inquiry,
        target,
    };
    let created = api.sessions.create(new).await.map_err(refused)?;
    Ok(Json(created.into()))
}
