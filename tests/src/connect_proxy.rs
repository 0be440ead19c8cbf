//! A way to the service for clients that insist on a host of their own.
//!
//! Some clients know a few hosts by name and behave differently for all others. This proxy lets one
//! believe that it talks to such a host: it takes the client's CONNECT, ends TLS with a certificate
//! for that name from an authority made on the spot, and passes the octets on to the service.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certified;

/// The longest head of a CONNECT request that is read.
const HEAD: usize = 8192;

/// A running proxy. It ends, with all that it carries, when dropped.
pub struct ConnectProxy {
    address: SocketAddr,
    root: PathBuf,
    runtime: Option<Runtime>,
}

impl ConnectProxy {
    /// One that answers for `host`, port 443, with the server at `upstream`. Its authority's and
    /// its own keys and certificates are made in `folder`.
    pub fn start(folder: &Path, host: &str, upstream: SocketAddr) -> Self {
        let acceptor = certified::host(folder, host);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = format!("CONNECT {host}:443 ");
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, asked) = (acceptor.clone(), asked.clone());
                tokio::spawn(async move {
                    // A client that goes away is no news; what it asked for shows on its own side.
                    carry(client, &asked, &acceptor, upstream).await.ok();
                });
            }
        });
        Self {
            address,
            root: folder.join("root.pem"),
            runtime: Some(runtime),
        }
    }

    /// What `HTTPS_PROXY` is to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What `SSL_CERT_FILE` is to be.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One connection, from its CONNECT to its end.
async fn carry(
    mut client: TcpStream,
    asked: &str,
    acceptor: &TlsAcceptor,
    upstream: SocketAddr,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
        head.push(client.read_u8().await?);
    }
    if !head.starts_with(asked.as_bytes()) {
        return client
            .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut plain = acceptor.accept(client).await?;
    let mut service = TcpStream::connect(upstream).await?;
    copy_bidirectional(&mut plain, &mut service).await?;
    Ok(())
}
