//! `POST /mock/device-link`: opens a device link for a demo account, as a phone would.
//!
//! It takes what Smart-ID's demo environment takes. The callback is the session's own, not the one
//! in the request; see [`super::callback`].

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use symbolon_protocol::device::transaction::FlowType;
use symbolon_protocol::device_link::DeviceLink;

use super::Demo;
use crate::relying_party::problem::{Problem, Violation};

/// Where it is, on the relying parties' listener.
const PATH: &str = "/mock/device-link";

pub(super) fn router(demo: Arc<Demo>) -> Router {
    Router::new().route(PATH, post(open)).with_state(demo)
}

/// What is asked; `initialCallbackUrl` may be there as well.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MockRequest {
    document_number: String,
    device_link: String,
    flow_type: String,
    browser_cookie: Option<String>,
}

/// The link was taken up.
#[derive(Serialize)]
struct TakenUp {}

async fn open(
    State(demo): State<Arc<Demo>>,
    body: axum::body::Bytes,
) -> Result<Json<TakenUp>, Problem> {
    let request: MockRequest = serde_json::from_slice(&body).map_err(|_| {
        Problem::unreadable("The body must be JSON with documentNumber, deviceLink and flowType")
    })?;
    let device = request
        .document_number
        .parse()
        .ok()
        .and_then(|number| demo.devices.get(&number))
        .ok_or_else(|| invalid("documentNumber", "is no demo account"))?;
    let link = DeviceLink::parse(&request.device_link)
        .map_err(|_| invalid("deviceLink", "is no device link"))?;
    if link.kind.flow_type().as_str() != request.flow_type {
        return Err(invalid("flowType", "is not that of the link"));
    }
    let cookie = match request.browser_cookie {
        None if link.kind.flow_type() != FlowType::QR => {
            return Err(invalid("browserCookie", "is required on the same device"));
        }
        None => None,
        Some(cookie) => Some(
            HeaderValue::from_str(&cookie).map_err(|_| invalid("browserCookie", "is no cookie"))?,
        ),
    };
    match device.open(&demo.service, link, cookie).await {
        Ok(Ok(())) => Ok(Json(TakenUp {})),
        Ok(Err(refused)) => {
            tracing::info!(?refused, "a demo account was refused a link");
            Err(invalid("deviceLink", "was refused; the log says why"))
        }
        Err(refusal) => {
            tracing::warn!(detail = refusal.detail, "a demo account took up no link");
            Err(Problem::maintenance())
        }
    }
}

fn invalid(field: &str, reason: &str) -> Problem {
    let detail = format!("Invalid {field}: {reason}");
    Problem::invalid(vec![Violation::of_field(
        field,
        &format!("/{field}"),
        detail,
    )])
}
