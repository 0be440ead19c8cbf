//! HTTP to the authority's OCSP responder.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::OffsetDateTime;

use crate::verify::{Question, Rejected};

/// The longest answer that is read.
const LONGEST: usize = 64 << 10;
/// For which nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A responder, at an address from the configuration: never at one that a certificate tells.
#[derive(Clone)]
pub struct Responder {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Responder {
    /// The one at this address, which is plain HTTP: its answers are signed.
    pub fn at(url: &str) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            url: url.to_owned(),
        }
    }

    /// Whether the certificate that is asked about is good. Without an answer it is not: a check that
    /// whoever stands in between can leave out is none.
    ///
    /// # Errors
    /// [`Rejected::Revoked`] and [`Rejected::StatusUnknown`].
    pub async fn check(&self, question: &Question) -> Result<(), Rejected> {
        let answer = tokio::time::timeout(PATIENCE, self.ask(question)).await;
        let answer = answer.unwrap_or_else(|_| Err("the responder does not answer".into()));
        let answer = answer.map_err(Rejected::StatusUnknown)?;
        question.check(&answer, OffsetDateTime::now_utc())
    }

    async fn ask(&self, question: &Question) -> Result<Bytes, String> {
        let body = Full::new(Bytes::copy_from_slice(question.der()));
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/ocsp-request")
            .body(body)
            .map_err(|error| error.to_string())?;
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the responder refused with {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        Ok(body.map_err(|error| error.to_string())?.to_bytes())
    }
}
