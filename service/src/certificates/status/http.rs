//! The routes: `/ocsp`, `/crl/…` and `/ca/…`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use der::Encode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use x509_ocsp::OcspResponse;

use super::question::{Malformed, Question};
use super::{CertificateStatus, StatusError};

/// A request that names sixteen certificates by SHA-512 is shorter.
const LARGEST_REQUEST: usize = 8 * 1024;

/// How long the body of a request may take.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Caches may keep it, and ask whether it still stands each time: a revocation shows at once.
const REVALIDATED: &str = "public, max-age=0, must-revalidate, no-transform";

/// RFC 6960 appendix A.1 says base64; not every client pads.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The routes, at the paths that `init` suggests for certificates.
pub fn router(status: Arc<CertificateStatus>) -> Router {
    Router::new()
        .route("/ocsp", post(asked_by_body))
        .route("/ocsp/{*request}", get(asked_by_path))
        .route("/crl/issuing.crl", get(issuing_list))
        .route("/crl/root.crl", get(root_list))
        .route("/ca/issuing.cer", get(issuing_certificate))
        .route("/ca/root.cer", get(root_certificate))
        .with_state(status)
}

async fn asked_by_body(State(status): State<Arc<CertificateStatus>>, body: Body) -> Response {
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, LARGEST_REQUEST)).await {
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Ok(Ok(request)) => match answer(status, &request).await {
            Ok(answer) => ocsp(answer.der, "no-store"),
            Err(refusal) => refusal,
        },
    }
}

async fn asked_by_path(
    State(status): State<Arc<CertificateStatus>>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(text)) = path else {
        return malformed();
    };
    if text.len() > LARGEST_REQUEST {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let Ok(request) = BASE64.decode(text) else {
        return malformed();
    };
    match answer(status, &request).await {
        Ok(answer) if answer.reusable => revalidated(&headers, answer.der, "ocsp-response"),
        Ok(answer) => ocsp(answer.der, "no-store"),
        Err(refusal) => refusal,
    }
}

async fn answer(
    status: Arc<CertificateStatus>,
    request: &[u8],
) -> Result<super::responder::Answer, Response> {
    let question = Question::read(request).map_err(|Malformed| malformed())?;
    to_its_end(async move { status.responder.answer(question).await })
        .await
        .map_err(|error| later(&error, Some(OcspResponse::try_later())))
}

async fn issuing_list(
    State(status): State<Arc<CertificateStatus>>,
    headers: HeaderMap,
) -> Response {
    let list = to_its_end(async move { status.issuing_list.current().await }).await;
    list_answer(&headers, list)
}

async fn root_list(State(status): State<Arc<CertificateStatus>>, headers: HeaderMap) -> Response {
    let list = to_its_end(async move { status.root_list.current().await }).await;
    list_answer(&headers, list)
}

/// Goes on when the peer is gone: a token does not forget a signature that was begun, so who
/// leaves early must not free a place for the next.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StatusError>> + Send + 'static,
) -> Result<T, StatusError> {
    tokio::spawn(work).await.unwrap_or(Err(StatusError::Ended))
}

fn list_answer(headers: &HeaderMap, list: Result<Bytes, StatusError>) -> Response {
    match list {
        Ok(der) => revalidated(headers, der, "pkix-crl"),
        Err(error) => later(&error, None),
    }
}

async fn issuing_certificate(State(status): State<Arc<CertificateStatus>>) -> Response {
    certificate(&status.issuing_certificate)
}

async fn root_certificate(State(status): State<Arc<CertificateStatus>>) -> Response {
    certificate(&status.root_certificate)
}

fn certificate(der: &[u8]) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/pkix-cert"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, der.to_vec()).into_response()
}

/// With an ETag, and without the body for who has it already.
fn revalidated(headers: &HeaderMap, der: Bytes, subtype: &str) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&der)[..16]));
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim() == tag));
    let caching = [(CACHE_CONTROL, REVALIDATED.to_owned()), (ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(CONTENT_TYPE, format!("application/{subtype}"))];
    (caching, kind, der).into_response()
}

fn ocsp(der: impl Into<Bytes>, caching: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/ocsp-response"),
        (CACHE_CONTROL, caching),
    ];
    (headers, der.into()).into_response()
}

/// RFC 6960 section 2.3: an OCSP answer, which is why the status is 200.
fn malformed() -> Response {
    match OcspResponse::malformed_request().to_der() {
        Ok(der) => ocsp(der, "no-store"),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn later(error: &StatusError, said: Option<OcspResponse>) -> Response {
    match error {
        StatusError::Busy => tracing::debug!("a question about a certificate was turned away"),
        other => tracing::error!(error = %other, "a certificate's status cannot be told"),
    }
    let mut response = match said.and_then(|said| said.to_der().ok()) {
        Some(der) => ocsp(der, "no-store"),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
        .headers_mut()
        .insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
    response
}
