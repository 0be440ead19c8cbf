//! One typed request and its reply.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use symbolon_protocol::device::problem::Problem;
use symbolon_protocol::device::{Exchange, MAX_BODY, Method, path_of};

use super::body::Body;
use super::connection::in_full;
use super::{Link, LinkError};

/// How long an ordinary answer may take. The service's own slowest step takes a second or two.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Link {
    /// Sends a request and returns its reply.
    pub async fn call<E: Exchange>(&self, id: &str, request: &E) -> Result<E::Reply, LinkError> {
        self.call_with_body::<E>(id, body_of(request)?).await
    }

    /// The same with a body made earlier by [`body_of`], so that a repetition is identical in every octet.
    pub async fn call_with_body<E: Exchange>(
        &self,
        id: &str,
        body: Bytes,
    ) -> Result<E::Reply, LinkError> {
        let method = match E::METHOD {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, JSON);
        if E::METHOD == Method::Post {
            headers.insert(CONTENT_TYPE, JSON);
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let exchange = async {
            let answer = self.send(method, &path_of::<E>(id), headers, body).await?;
            reply(answer).await
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(no_answer(ANSWER_TIMEOUT)))
    }

    /// Sends a request; returns the answer's head once its status is 200. A connection that
    /// turns out to be dead is replaced once: every exchange may be repeated.
    pub(super) async fn send(
        &self,
        method: http::Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Body>, LinkError> {
        loop {
            let (mut connection, reused) = self.connected().await?;
            let mut request = Request::new(());
            *request.method_mut() = method.clone();
            *request.uri_mut() = connection.uri(path)?;
            *request.headers_mut() = headers.clone();
            match connection.send(request, body.clone()).await {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer),
                Ok(answer) => return Err(refusal(answer).await),
                Err(error) => {
                    self.discard(&connection).await;
                    if !reused {
                        return Err(LinkError::Unreachable(in_full(&error)));
                    }
                }
            }
        }
    }
}

/// The body by which a request travels: JSON for a POST, empty for a GET.
pub fn body_of<E: Exchange>(request: &E) -> Result<Bytes, LinkError> {
    match E::METHOD {
        Method::Get => Ok(Bytes::new()),
        Method::Post => serde_json::to_vec(request)
            .map(Bytes::from)
            .map_err(|error| {
                LinkError::Misbehaved(format!("a request cannot be written: {error}"))
            }),
    }
}

/// Reads a whole reply.
pub(super) async fn reply<T: DeserializeOwned>(answer: Response<Body>) -> Result<T, LinkError> {
    let body = answer.into_body().whole(MAX_BODY).await?;
    serde_json::from_slice(&body)
        .map_err(|error| LinkError::Misbehaved(format!("its reply cannot be read: {error}")))
}

async fn refusal(answer: Response<Body>) -> LinkError {
    let status = answer.status();
    let body = match answer.into_body().whole(MAX_BODY).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => LinkError::Refused(problem),
        // Not the service itself, but something before it.
        Err(_) if matches!(status.as_u16(), 502..=504) => {
            LinkError::Unreachable(format!("its front answered {status}"))
        }
        Err(_) => LinkError::Misbehaved(format!("status {status} without a reason")),
    }
}

pub(super) fn no_answer(limit: Duration) -> LinkError {
    LinkError::Unreachable(format!("no answer within {} s", limit.as_secs()))
}
