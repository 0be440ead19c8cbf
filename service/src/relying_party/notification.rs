//! Notification sessions: a login or a signature that is pushed to the person's devices.

use axum::Json;
use axum::extract::{Request, State};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use symbolon_protocol::interaction::Flow;
use uuid::Uuid;

use super::RelyingPartyApi;
use super::access::Demand;
use super::problem::Problem;
use super::request::{OpeningRequest, SessionKind};
use super::source::Source;
use super::{body, inquiry};
use crate::sessions::{CreateError, Created, NewSession, Target};

/// `POST authentication/notification/{etsi, document}/{whom}`
pub(super) async fn authenticate<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let kind = SessionKind::Authentication;
    open(&api, kind, whom.into(), source, request).await
}

/// `POST signature/notification/{etsi, document}/{whom}`
pub(super) async fn sign<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let kind = SessionKind::Signature;
    open(&api, kind, whom.into(), source, request).await
}

/// A session's name and, for signatures, the code that the relying party shows.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NotificationSession")]
pub(super) struct OpenedBody {
    #[serde(rename = "sessionID")]
    session_id: Uuid,
    #[serde(rename = "vc", skip_serializing_if = "Option::is_none")]
    verification_code: Option<VerificationCodeBody>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VerificationCode")]
struct VerificationCodeBody {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

async fn open(
    api: &RelyingPartyApi,
    kind: SessionKind,
    target: Target,
    Source(source): Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let body = body::read_object(request).await?;
    let request = OpeningRequest::parse(kind, Flow::Notification, &body)?;
    let party = api.admit(Demand::of_session(&request), source).await?;
    api.admit_push(&party, &target)?;
    // A login needs none: its challenge is random, so no two requests are the same.
    let repeat_key =
        (kind == SessionKind::Signature).then(|| repeat_key("signature", &target, &body));
    let new = NewSession {
        inquiry: inquiry::of(&party, request),
        target,
        repeat_key,
    };
    let created = api.sessions.create(new).await.map_err(refused)?;
    Ok(Json(created.into()))
}

/// What makes two requests the same: for what and whom they ask, and every parameter, in whatever
/// order. The nonce is one of them, and its only purpose is to be different.
pub(super) fn repeat_key(operation: &str, target: &Target, body: &Map<String, Value>) -> [u8; 32] {
    let (kind, name) = match target {
        Target::Person(person) => ("etsi", person.as_str()),
        Target::Document(document) => ("document", document.as_str()),
    };
    Sha256::new()
        .chain_update(operation)
        .chain_update([0])
        .chain_update(kind)
        .chain_update([0])
        .chain_update(name)
        .chain_update([0])
        .chain_update(Value::Object(body.clone()).to_string())
        .finalize()
        .into()
}

impl From<Created> for OpenedBody {
    fn from(created: Created) -> Self {
        Self {
            session_id: created.session,
            verification_code: created.verification_code.map(|value| VerificationCodeBody {
                kind: "numeric4",
                value,
            }),
        }
    }
}

pub(super) fn refused(error: CreateError) -> Problem {
    match error {
        CreateError::NoAccount => Problem::not_found(),
        CreateError::NoSuitableAccount => Problem::no_suitable_account(),
        CreateError::NotFinished => Problem::not_finished(),
        CreateError::NotAnnounced => Problem::not_announced(),
        CreateError::Store(error) => error.into(),
    }
}
