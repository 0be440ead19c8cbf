//! Accepting connections and serving HTTP on them, within bounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::accounts::DeviceFingerprint;
use crate::device_api::Caller;
use crate::tls::{self, DeviceIdentity};

/// How many connections an endpoint holds at a time; further ones wait to be accepted.
const CONNECTIONS: u32 = 16_384;

/// How long the head of a request may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// A peer that was silent for so long is asked whether it is there. Devices ping more often.
const SILENCE: Duration = Duration::from_secs(600);

/// How many requests one connection may have under way.
const STREAMS: u32 = 32;

/// How an endpoint is protected.
#[derive(Clone)]
pub(super) enum Protection {
    /// Not at all: a proxy in front does it.
    Plain,
    /// The server proves who it is.
    Tls(Arc<ServerConfig>),
    /// Both do: the peer is a device.
    Device(Arc<ServerConfig>),
}

/// A listener at work.
pub(super) struct Endpoint {
    accepting: JoinHandle<()>,
    places: Arc<Semaphore>,
}

impl Endpoint {
    /// Accepts until `stopping` becomes true.
    pub(super) fn start(
        listener: TcpListener,
        protection: Protection,
        router: Router,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let server = Server {
            protection,
            router,
            stopping,
        };
        Self {
            accepting: tokio::spawn(accept(listener, server, places.clone())),
            places,
        }
    }

    /// Waits for the connections to end, at most for `deadline`.
    pub(super) async fn drain(self, deadline: Duration) {
        let _ = self.accepting.await;
        if tokio::time::timeout(deadline, self.places.acquire_many(CONNECTIONS))
            .await
            .is_err()
        {
            let open = CONNECTIONS as usize - self.places.available_permits();
            tracing::warn!(open, "connections are cut off");
        }
    }
}

#[derive(Clone)]
struct Server {
    protection: Protection,
    router: Router,
    stopping: watch::Receiver<bool>,
}

async fn accept(listener: TcpListener, mut server: Server, places: Arc<Semaphore>) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(server.clone().attend(stream, peer, place));
                }
                Err(error) => {
                    // Most likely out of file descriptors; some will come free.
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            _ = server.stopping.changed() => return,
        }
    }
}

impl Server {
    async fn attend(self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = self.serve(stream, peer).await {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
        drop(place);
    }

    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self.protection.clone() {
            Protection::Plain => {
                stream.set_nodelay(true)?;
                self.speak_http(stream, peer, None).await
            }
            Protection::Tls(config) => {
                let stream = tls::accept(config, stream).await?;
                self.speak_http(stream, peer, None).await
            }
            Protection::Device(config) => {
                let stream = tls::accept(config, stream).await?;
                let identity = DeviceIdentity::of(&stream).ok_or("no device certificate")?;
                let caller = Caller {
                    device: DeviceFingerprint(identity.fingerprint),
                    address: peer,
                };
                self.speak_http(stream, peer, Some(caller)).await
            }
        }
    }

    async fn speak_http<S>(
        self,
        stream: S,
        peer: SocketAddr,
        caller: Option<Caller>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            router,
            mut stopping,
            ..
        } = self;
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            router.clone().oneshot(request)
        });
        let http = http();
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(Duration::from_secs(20));
    http
}
