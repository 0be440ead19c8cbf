//! HTTP to the co-signing service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::config::{ConfigError, Service};

/// The longest answer that is read.
const LONGEST: usize = 1 << 20;
/// For which nobody waits longer; a poll is answered within [`POLL`].
const PATIENCE: Duration = Duration::from_secs(40);
/// How long the service may hold a poll.
const POLL: Duration = Duration::from_secs(20);

/// A way to the service.
#[derive(Clone)]
pub struct Transport {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The service cannot be reached.
    #[error("the service cannot be reached: {0}")]
    Unreachable(String),
    /// The service refused.
    #[error("the service refused with {0}")]
    Refused(StatusCode),
    /// The answer is no answer of this API.
    #[error("the service answered something else than it should")]
    Unreadable,
    /// This machine has no random numbers.
    #[error("there are no random numbers: {0}")]
    Random(getrandom::Error),
}

impl From<getrandom::Error> for ApiError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

impl Transport {
    /// One that trusts the configured roots and no other.
    ///
    /// # Errors
    /// If the roots cannot be read, or are missing where they are needed.
    pub fn new(service: &Service) -> Result<Self, ConfigError> {
        let mut roots = RootCertStore::empty();
        match &service.root {
            Some(file) => add(&mut roots, file)?,
            None if service.url.starts_with("https://") => {
                return Err(ConfigError::Incomplete("service.root is needed for https"));
            }
            None => {}
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| ConfigError::Incomplete("TLS is not possible"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            base: service.url.trim_end_matches('/').to_owned(),
        })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// If there is no answer, or one without success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Bytes, ApiError> {
        self.send(Method::POST, path, Bytes::from(body.to_string()))
            .await
    }

    /// Asks how a session stands, and waits a while for its end.
    ///
    /// # Errors
    /// If there is no answer, or one without success.
    pub async fn poll(&self, session: &str) -> Result<Bytes, ApiError> {
        let path = format!("session/{session}?timeoutMs={}", POLL.as_millis());
        self.send(Method::GET, &path, Bytes::new()).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ApiError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.base))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(Full::new(body))
            .map_err(|_| ApiError::Unreadable)?;
        let exchange = async {
            let answer = self
                .http
                .request(request)
                .await
                .map_err(|error| ApiError::Unreachable(error.to_string()))?;
            if answer.status() != StatusCode::OK {
                return Err(ApiError::Refused(answer.status()));
            }
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            Ok(body.map_err(|_| ApiError::Unreadable)?.to_bytes())
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| Err(ApiError::Unreachable("it does not answer".into())))
    }
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), ConfigError> {
    let bad = |error: String| ConfigError::Tls(file.into(), error);
    for certificate in
        CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| bad(error.to_string()))?;
    }
    Ok(())
}
