//! One HTTP/2 connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong};
use http::uri::Authority;
use http::{Request, Response, Uri};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LinkError;
use super::body::Body;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Long, because the hardware signs the handshake and may be busy with another account.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Our bodies are small; HTTP/2's own default keeps the buffers of an idle connection small too.
const WINDOW: u32 = 65_535;
/// Of an answer's head, in octets.
const LONGEST_HEAD: u32 = 16 * 1024;

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
    sender: SendRequest<Bytes>,
    endpoint: Arc<Endpoint>,
    /// What reads and writes.
    life: AbortHandle,
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
        Self::over(stream, endpoint, keep_alive, PING_TIMEOUT).await
    }

    /// Over a stream that is there. A PING that stays unanswered for `patience` ends it.
    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        endpoint: &Endpoint,
        keep_alive: Duration,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        let (sender, mut connection) = Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(LONGEST_HEAD)
            .max_send_buffer_size(64 * 1024)
            .enable_push(false)
            .handshake(stream)
            .await
            .map_err(|error| LinkError::Unreachable(in_full(&error)))?;
        let pings = connection.ping_pong();
        // What is under way fails when the connection is dropped.
        let life = tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended.map_err(|error| in_full(&error)),
                () = silence(pings, keep_alive, patience) => Err("no answer to a PING".to_owned()),
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection to a service ended");
            }
        });
        Ok(Self {
            sender,
            endpoint: Arc::new(endpoint.clone()),
            life: life.abort_handle(),
        })
    }

    /// The absolute URI of a path (and query) there.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, LinkError> {
        self.endpoint.uri(path)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.life.is_finished()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.endpoint, &other.endpoint)
    }

    /// Sends a request and waits for the answer's head. Head and body are there together, so that
    /// they travel in one piece.
    pub(super) async fn send(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Response<Body>, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (answer, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(body, true)?;
        }
        Ok(answer.await?.map(Body::new))
    }
}

/// Ends when the peer has left a PING without an answer.
async fn silence(pings: Option<PingPong>, interval: Duration, patience: Duration) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(interval).await;
        let pong = tokio::time::timeout(patience, pings.ping(Ping::opaque()));
        if !matches!(pong.await, Ok(Ok(_))) {
            return;
        }
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

/// An error with its causes: its own text may say little.
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

    const MOMENT: Duration = Duration::from_millis(1);

    /// A connection over a stream in memory, and the service's end of it.
    async fn connected(
        keep_alive: Duration,
        patience: Duration,
    ) -> (
        Connection,
        h2::server::Connection<tokio::io::DuplexStream, Bytes>,
    ) {
        let endpoint = Endpoint::parse("https://id.example.org").unwrap();
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (connection, service) = tokio::join!(
            Connection::over(ours, &endpoint, keep_alive, patience),
            h2::server::handshake(theirs)
        );
        (connection.unwrap(), service.unwrap())
    }

    fn request(connection: &Connection) -> Request<()> {
        let uri = connection.uri("/device/v1/account").unwrap();
        Request::get(uri).body(()).unwrap()
    }

    #[tokio::test]
    async fn what_is_under_way_fails_when_a_ping_stays_unanswered() {
        // It shakes hands, and then neither reads nor writes.
        let (mut connection, _silent) = connected(MOMENT, MOMENT).await;
        assert!(!connection.is_closed());
        let request = request(&connection);
        assert!(connection.send(request, Bytes::new()).await.is_err());
        while !connection.is_closed() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_whose_pings_are_answered_lasts() {
        let hour = Duration::from_secs(3600);
        let (mut connection, mut service) = connected(MOMENT, hour).await;
        let request = request(&connection);
        let answering = tokio::spawn(async move {
            let (_, mut respond) = service.accept().await.unwrap().unwrap();
            // Reads PINGs, and takes its time to answer.
            let busy = tokio::time::timeout(50 * MOMENT, service.accept());
            assert!(busy.await.is_err());
            respond.send_response(Response::new(()), true).unwrap();
            while service.accept().await.is_some() {}
        });
        assert!(connection.send(request, Bytes::new()).await.is_ok());
        assert!(!connection.is_closed());
        answering.abort();
    }

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
