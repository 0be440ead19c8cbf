//! Where a link's browser is led when a demo device has answered: called from here, with the
//! browser's cookie.
//!
//! Only an address that the relying party named when it asked is called, and only where its server
//! stands under the configured roots: nobody makes this service call anything else.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use symbolon_protocol::acsp::UserChallengeVerifier;
use symbolon_protocol::device_link::callback_url;

use super::DemoConfig;

/// How long a relying party's server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser that waits for the end of a session.
pub(super) struct Callback {
    url: String,
    session_secret_digest: String,
    cookie: Option<HeaderValue>,
}

impl Callback {
    pub(super) fn new(
        url: String,
        session_secret_digest: String,
        cookie: Option<HeaderValue>,
    ) -> Self {
        Self {
            url,
            session_secret_digest,
            cookie,
        }
    }
}

/// Calls callbacks.
pub(super) struct Caller {
    client: Option<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>>,
}

/// Why no callback could ever be called.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// The roots cannot be read.
    #[error("[demo] callback_roots cannot be read: {0}")]
    Roots(String),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

impl Caller {
    pub(super) fn new(config: &DemoConfig) -> Result<Self, CallbackError> {
        let Some(path) = &config.callback_roots else {
            return Ok(Self { client: None });
        };
        let unreadable = |error: &dyn std::fmt::Display| {
            CallbackError::Roots(format!("{}: {error}", path.display()))
        };
        let mut roots = rustls::RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            roots.add(root.map_err(|error| unreadable(&error))?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            client: Some(client),
        })
    }

    /// Calls one; what comes of it stands in the log. The verifier goes with an approval alone.
    pub(super) fn call(
        self: &Arc<Self>,
        callback: Callback,
        verifier: Option<UserChallengeVerifier>,
    ) {
        let caller = self.clone();
        tokio::spawn(async move {
            match caller.try_call(callback, verifier.as_ref()).await {
                Ok(status) => tracing::info!(status, "a callback was called"),
                Err(error) => tracing::warn!(error, "a callback was not called"),
            }
        });
    }

    async fn try_call(
        &self,
        callback: Callback,
        verifier: Option<&UserChallengeVerifier>,
    ) -> Result<u16, String> {
        let client = self
            .client
            .as_ref()
            .ok_or("[demo] callback_roots is not set")?;
        let url = callback_url(
            &callback.url,
            &callback.session_secret_digest,
            verifier.map(UserChallengeVerifier::as_str),
        );
        let mut request = Request::get(url)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        if let Some(cookie) = callback.cookie {
            request.headers_mut().insert(header::COOKIE, cookie);
        }
        match tokio::time::timeout(PATIENCE, client.request(request)).await {
            Ok(Ok(response)) => Ok(response.status().as_u16()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server does not answer".into()),
        }
    }
}
