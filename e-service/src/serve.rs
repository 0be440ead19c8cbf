//! Connections: TLS where it is configured, then HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::config::{ConfigError, Tls};

/// How long a browser may take to say hello, and to send its request's head.
const HELLO: Duration = Duration::from_secs(10);

/// A place where browsers are served.
pub struct Listening {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listening {
    /// Opens it.
    ///
    /// # Errors
    /// If the address cannot be had, or key and certificate cannot be used.
    pub async fn open(address: SocketAddr, tls: Option<&Tls>) -> Result<Self, ConfigError> {
        let tls = tls.map(acceptor).transpose()?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| ConfigError::Listen(address, error))?;
        Ok(Self { listener, tls })
    }

    /// Its address for browsers on this machine.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn local_url(&self) -> std::io::Result<String> {
        let port = self.listener.local_addr()?.port();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://localhost:{port}"))
    }

    /// Serves until it is dropped.
    pub async fn serve(self, pages: Router) {
        loop {
            match self.listener.accept().await {
                Ok((connection, _)) => {
                    tokio::spawn(carry(connection, self.tls.clone(), pages.clone()));
                }
                Err(error) => {
                    // Too many files are open, say: others will close.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn carry(connection: tokio::net::TcpStream, tls: Option<TlsAcceptor>, pages: Router) {
    let Some(tls) = tls else {
        return answer(connection, pages).await;
    };
    if let Ok(Ok(connection)) = tokio::time::timeout(HELLO, tls.accept(connection)).await {
        answer(connection, pages).await;
    }
}

async fn answer(connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, pages: Router) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HELLO);
    let service = TowerToHyperService::new(pages);
    let served = builder.serve_connection(TokioIo::new(connection), service);
    if let Err(error) = served.await {
        tracing::debug!(error, "a connection ended early");
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, ConfigError> {
    let bad = |file: &std::path::Path, error: &dyn ToString| {
        ConfigError::Tls(file.into(), error.to_string())
    };
    let chain = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(&tls.certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| bad(&tls.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&tls.key, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad(&tls.key, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
