//! One HTTP/2 connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LinkError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Long, because the hardware signs the handshake and may be busy with another account.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Our bodies are small; HTTP/2's own default keeps the buffers of an idle connection small too.
const WINDOW: u32 = 65_535;

/// Where a service is.
#[derive(Debug, Clone)]
pub struct Endpoint {
    authority: Authority,
    host: String,
    port: u16,
    server_name: ServerName<'static>,
}

/// The URL does not say where a service is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no address of a service: {detail}")]
pub struct EndpointError {
    /// The URL.
    pub url: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Endpoint {
    /// Reads `https://host[:port]`.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let wrong = |detail: String| EndpointError {
            url: url.to_owned(),
            detail,
        };
        let uri: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
        let authority = uri
            .authority()
            .cloned()
            .filter(|_| uri.scheme_str() == Some("https"))
            .ok_or_else(|| wrong("it must begin with https:// and name a host".to_owned()))?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let server_name = ServerName::try_from(host.clone())
            .map_err(|error| wrong(format!("the host is malformed: {error}")))?;
        Ok(Self {
            port: authority.port_u16().unwrap_or(443),
            authority,
            host,
            server_name,
        })
    }

    fn uri(&self, path: &str) -> Result<Uri, LinkError> {
        Uri::builder()
            .scheme("https")
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|error| LinkError::Misbehaved(format!("{path:?} is no path: {error}")))
    }
}

/// An open connection; clones share it. It closes when all are gone and nothing is under way.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    endpoint: Arc<Endpoint>,
}

impl Connection {
    pub(super) async fn open(
        endpoint: &Endpoint,
        tls: Arc<rustls::ClientConfig>,
        keep_alive: Duration,
    ) -> Result<Self, LinkError> {
        let stream = within(CONNECT_TIMEOUT, "connecting", tcp(endpoint)).await?;
        let stream = within(
            HANDSHAKE_TIMEOUT,
            "the TLS handshake",
            handshake(endpoint, tls, stream),
        )
        .await?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(keep_alive)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| LinkError::Unreachable(in_full(&error)))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = in_full(&error), "a connection to a service ended");
            }
        });
        Ok(Self {
            sender,
            endpoint: Arc::new(endpoint.clone()),
        })
    }

    /// The absolute URI of a path (and query) there.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, LinkError> {
        self.endpoint.uri(path)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.endpoint, &other.endpoint)
    }

    /// Sends a request and waits for the answer's head.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }
}

/// Whether a service answers at an address and is vouched for, without showing who asks: under
/// TLS 1.3 the service has proven itself before it learns that no client certificate comes.
pub async fn probe(
    endpoint: &Endpoint,
    roots: Arc<rustls::RootCertStore>,
) -> Result<(), LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| LinkError::Unreachable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = within(CONNECT_TIMEOUT, "connecting", tcp(endpoint)).await?;
    let shaken = handshake(endpoint, Arc::new(config), stream);
    within(CONNECT_TIMEOUT, "the TLS handshake", shaken).await?;
    Ok(())
}

async fn tcp(endpoint: &Endpoint) -> Result<TcpStream, LinkError> {
    let at = format!("{}:{}", endpoint.host, endpoint.port);
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| LinkError::Unreachable(format!("{at}: {error}")))?;
    // Without it each small request waits for the peer's delayed acknowledgement.
    stream
        .set_nodelay(true)
        .map_err(|error| LinkError::Unreachable(format!("{at}: {error}")))?;
    Ok(stream)
}

async fn handshake(
    endpoint: &Endpoint,
    tls: Arc<rustls::ClientConfig>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, LinkError> {
    TlsConnector::from(tls)
        .connect(endpoint.server_name.clone(), stream)
        .await
        .map_err(|error| {
            let tls = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match tls {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    LinkError::NotTrusted(error.to_string())
                }
                _ => LinkError::Unreachable(format!("TLS: {error}")),
            }
        })
}

async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(LinkError::Unreachable(format!(
            "{what} took longer than {} s",
            limit.as_secs()
        )))
    })
}

/// An error with its causes: hyper's own text says little.
pub(super) fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_with_a_host() {
        let endpoint = Endpoint::parse("https://id.example.org").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port),
            ("id.example.org", 443)
        );
        let endpoint = Endpoint::parse("https://[::1]:8443").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("::1", 8443));
        assert_eq!(
            endpoint.uri("/device/v1/events?wait=50").unwrap(),
            "https://[::1]:8443/device/v1/events?wait=50"
        );
        assert!(Endpoint::parse("http://id.example.org").is_err());
        assert!(Endpoint::parse("id.example.org").is_err());
    }
}
