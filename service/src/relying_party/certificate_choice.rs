//! Certificate choices: whose signing certificate the relying party gets is the person's word, and
//! nothing is signed.

use axum::Json;
use axum::extract::{Request, State};
use symbolon_protocol::interaction::Flow;

use super::access::Demand;
use super::device_link::LinkBody;
use super::notification::{OpenedBody, refused, repeat_key};
use super::path::Person;
use super::problem::Problem;
use super::request::ChoiceRequest;
use super::source::Source;
use super::{RelyingPartyApi, body, inquiry};
use crate::sessions::{NewDeviceLink, NewSession, Target};

/// `POST signature/certificate-choice/device-link/anonymous`
pub(super) async fn choose_by_link(
    State(api): State<RelyingPartyApi>,
    Source(source): Source,
    request: Request,
) -> Result<Json<LinkBody>, Problem> {
    let body = body::read_object(request).await?;
    let mut request = ChoiceRequest::parse(Flow::DeviceLink, &body)?;
    let party = api.admit(Demand::of_choice(&request), source).await?;
    let new = NewDeviceLink {
        initial_callback_url: request.initial_callback_url.take(),
        inquiry: inquiry::of_choice(&party, request),
        target: None,
    };
    let created = api.sessions.create_device_link(new).await;
    Ok(Json(api.link_body(created.map_err(refused)?)))
}

/// `POST signature/certificate-choice/notification/etsi/{semantics identifier}`
pub(super) async fn choose_on_devices(
    State(api): State<RelyingPartyApi>,
    Source(source): Source,
    Person(person): Person,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let target = Target::Person(person);
    let body = body::read_object(request).await?;
    let request = ChoiceRequest::parse(Flow::Notification, &body)?;
    let party = api.admit(Demand::of_choice(&request), source).await?;
    api.admit_push(&party, &target)?;
    let new = NewSession {
        inquiry: inquiry::of_choice(&party, request),
        repeat_key: Some(repeat_key("certificate-choice", &target, &body)),
        target,
    };
    let created = api.sessions.create(new).await.map_err(refused)?;
    Ok(Json(created.into()))
}
