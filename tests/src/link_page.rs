//! Where browsers on this machine reach the page that device links lead to: TLS, as links ask for it,
//! before the service's own listener.

use std::io;
use std::net::{SocketAddr, TcpListener as Reserved};
use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certified;

/// A port that nobody else has, for a service to be told of before it starts.
pub(crate) struct Place(Reserved);

/// A way to the page. It ends when it is dropped.
pub struct LinkPage(Option<Runtime>);

impl Place {
    pub(crate) fn reserve() -> Self {
        Self(Reserved::bind("127.0.0.1:0").unwrap())
    }

    /// What device links begin with.
    pub(crate) fn link_base(&self) -> String {
        let port = self.0.local_addr().unwrap().port();
        format!("https://localhost:{port}/device-link")
    }

    /// Leads to the service at `upstream`, with a certificate that is made in `folder`.
    pub(crate) fn lead_to(self, folder: &Path, upstream: SocketAddr) -> LinkPage {
        let acceptor = certified::host(folder, "localhost");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        self.0.set_nonblocking(true).unwrap();
        let listener = runtime.block_on(async { TcpListener::from_std(self.0).unwrap() });
        runtime.spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A browser that does not like the certificate is no news.
                    carry(browser, &acceptor, upstream).await.ok();
                });
            }
        });
        LinkPage(Some(runtime))
    }
}

impl Drop for LinkPage {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(browser: TcpStream, acceptor: &TlsAcceptor, upstream: SocketAddr) -> io::Result<()> {
    let mut plain = acceptor.accept(browser).await?;
    let mut service = TcpStream::connect(upstream).await?;
    copy_bidirectional(&mut plain, &mut service).await?;
    Ok(())
}
