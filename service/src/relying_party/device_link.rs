//! Device-link sessions: a login or a signature that waits for whoever opens its link.

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use symbolon_protocol::interaction::Flow;
use uuid::Uuid;

use super::access::Demand;
use super::notification::refused;
use super::problem::Problem;
use super::request::{OpeningRequest, SessionKind};
use super::source::Source;
use super::{RelyingPartyApi, body, inquiry};
use crate::sessions::{CreatedLink, NewDeviceLink, Target};

/// `POST authentication/device-link/anonymous`
pub(super) async fn authenticate_anyone(
    State(api): State<RelyingPartyApi>,
    source: Source,
    request: Request,
) -> Result<Json<LinkBody>, Problem> {
    open(&api, SessionKind::Authentication, None, source, request).await
}

/// `POST authentication/device-link/{etsi, document}/{whom}`
pub(super) async fn authenticate<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<LinkBody>, Problem> {
    let kind = SessionKind::Authentication;
    open(&api, kind, Some(whom.into()), source, request).await
}

/// `POST signature/device-link/{etsi, document}/{whom}`
pub(super) async fn sign<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<LinkBody>, Problem> {
    let kind = SessionKind::Signature;
    open(&api, kind, Some(whom.into()), source, request).await
}

/// Everything from which the relying party makes its links.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeviceLinkSession")]
pub(super) struct LinkBody {
    #[serde(rename = "sessionID")]
    session_id: Uuid,
    session_token: String,
    session_secret: String,
    device_link_base: String,
}

async fn open(
    api: &RelyingPartyApi,
    kind: SessionKind,
    target: Option<Target>,
    Source(source): Source,
    request: Request,
) -> Result<Json<LinkBody>, Problem> {
    let body = body::read_object(request).await?;
    let mut request = OpeningRequest::parse(kind, Flow::DeviceLink, &body)?;
    let party = api.admit(Demand::of_session(&request), source).await?;
    let new = NewDeviceLink {
        initial_callback_url: request.initial_callback_url.take(),
        inquiry: inquiry::of(&party, request),
        target,
    };
    let created = api
        .sessions
        .create_device_link(new)
        .await
        .map_err(refused)?;
    Ok(Json(api.link_body(created)))
}

impl RelyingPartyApi {
    pub(super) fn link_body(&self, created: CreatedLink) -> LinkBody {
        LinkBody {
            session_id: created.session,
            session_token: created.token,
            session_secret: STANDARD.encode(created.secret),
            device_link_base: self.device_link_base.to_string(),
        }
    }
}
