//! HTTP to the authority's OCSP responder, and to its revocation list when that does not answer.

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
/// The longest list: 37 octets for each certificate that was revoked.
const LONGEST_LIST: usize = 16 << 20;
/// For which nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A responder, at an address from the configuration: never at one that a certificate tells.
#[derive(Clone)]
pub struct Responder {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
    list: Option<String>,
}

impl Responder {
    /// The one at this address, which is plain HTTP: its answers are signed.
    pub fn at(url: &str) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            url: url.to_owned(),
            list: None,
        }
    }

    /// The same, with the address of the authority's list for when it does not answer.
    #[must_use]
    pub fn or_list(self, url: &str) -> Self {
        let list = Some(url.to_owned());
        Self { list, ..self }
    }

    /// Whether the certificate that is asked about is good. Without an answer it is not: a check that
    /// whoever stands in between can leave out is none.
    ///
    /// # Errors
    /// [`Rejected::Revoked`] and [`Rejected::StatusUnknown`].
    pub async fn check(&self, question: &Question) -> Result<(), Rejected> {
        let answer = tokio::time::timeout(PATIENCE, self.ask(question)).await;
        let answer = answer.unwrap_or_else(|_| Err("the responder does not answer".into()));
        match (answer, &self.list) {
            (Ok(answer), _) => question.check(&answer, OffsetDateTime::now_utc()),
            (Err(why), None) => Err(Rejected::StatusUnknown(why)),
            (Err(why), Some(list)) => {
                tracing::warn!(why, "a revocation list is asked in the responder's place");
                let list = tokio::time::timeout(PATIENCE, self.fetch(list)).await;
                let list = list.unwrap_or_else(|_| Err("the list does not come".into()));
                let list = list.map_err(Rejected::StatusUnknown)?;
                question.check_list(&list, OffsetDateTime::now_utc())
            }
        }
    }

    async fn ask(&self, question: &Question) -> Result<Bytes, String> {
        let body = Full::new(Bytes::copy_from_slice(question.der()));
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/ocsp-request")
            .body(body)
            .map_err(|error| error.to_string())?;
        self.send(request, LONGEST).await
    }

    async fn fetch(&self, url: &str) -> Result<Bytes, String> {
        let request = Request::get(url).body(Full::default());
        let request = request.map_err(|error| error.to_string())?;
        self.send(request, LONGEST_LIST).await
    }

    async fn send(&self, request: Request<Full<Bytes>>, longest: usize) -> Result<Bytes, String> {
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("refused with {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), longest).collect().await;
        Ok(body.map_err(|error| error.to_string())?.to_bytes())
    }
}
