//! From the octets of a request to a JSON object, whatever a stranger may send.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use serde_json::{Map, Value};

use super::problem::Problem;

/// The largest body that is read, in octets. The largest honest one holds three interactions of
/// 200 characters, each character escaped, in Base64: about 10 KiB.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Reads a request's body.
pub(super) async fn read_object(request: Request<Body>) -> Result<Map<String, Value>, Problem> {
    require_json(request.headers())?;
    let reading = axum::body::to_bytes(request.into_body(), MAX_BODY);
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(Ok(octets)) => parse_object(&octets),
        Ok(Err(_)) => Err(Problem::unreadable(
            "The body is incomplete or longer than 64 KiB",
        )),
        Err(_) => Err(Problem::unreadable("The body came too slowly")),
    }
}

/// Parses a body. serde_json refuses invalid UTF-8 and more than 128 levels of nesting by itself.
pub(super) fn parse_object(octets: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(octets) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::unreadable("The body must be a JSON object")),
        Err(_) => Err(Problem::unreadable("The body is not valid JSON in UTF-8")),
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    match media_type {
        Some(media_type) if media_type.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Problem::unreadable("Content-Type must be application/json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "application/json";

    async fn status_of(media_type: Option<&str>, body: impl Into<Body>) -> u16 {
        let mut request = Request::post("/");
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request.body(body.into()).unwrap();
        read_object(request)
            .await
            .map_or_else(|problem| problem.status(), |_| 200)
    }

    #[tokio::test]
    async fn an_object_in_json_is_read() {
        for media_type in [
            JSON,
            "application/json;charset=UTF-8",
            "APPLICATION/JSON ; x=y",
        ] {
            assert_eq!(
                status_of(Some(media_type), r#"{"a":1}"#).await,
                200,
                "{media_type}"
            );
        }
    }

    #[tokio::test]
    async fn another_media_type_is_refused() {
        for media_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/jsonp"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(
                status_of(media_type, r#"{"a":1}"#).await,
                400,
                "{media_type:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_refused() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for body in [
            b"".to_vec(),
            b"{".to_vec(),
            b"[]".to_vec(),
            b"null".to_vec(),
            b"{\"a\":\"\xff\xfe\"}".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"{\"a\":\"\\ud800\"}".to_vec(),
            b"{\"a\":1e999999}".to_vec(),
            b"{} {}".to_vec(),
            deep.into_bytes(),
        ] {
            assert_eq!(status_of(Some(JSON), body.clone()).await, 400, "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_64_kib_and_no_more() {
        let of_length = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert_eq!(status_of(Some(JSON), of_length(MAX_BODY)).await, 200);
        assert_eq!(status_of(Some(JSON), of_length(MAX_BODY + 1)).await, 400);
    }
}
