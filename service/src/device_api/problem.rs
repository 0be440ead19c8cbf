//! Refusals as RFC 9457 bodies.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::refusal::Refusal;

/// The response to a refused request.
pub(super) fn respond(refusal: &Refusal) -> Response {
    let problem = refusal.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond_with(status, refusal)
}

/// The same under a status of its own, where HTTP has a more exact one than the code.
pub(super) fn respond_with(status: StatusCode, refusal: &Refusal) -> Response {
    let mut problem = refusal.problem();
    problem.status = status.as_u16();
    let mut response = (status, axum::Json(problem)).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = refusal.retry_after_seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
