//! One connection, from TCP to the end of the handshake.

use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take. A device's hardware signs in the handshake: up to a second on slow
/// TPMs.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Performs the handshake.
///
/// Nagle's algorithm is off: with it the last flight of a handshake waits for the other side's
/// delayed acknowledgement, 40 ms each time.
pub async fn accept(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    timeout(HANDSHAKE_DEADLINE, TlsAcceptor::from(config).accept(stream))
        .await
        .map_err(|_| Error::new(ErrorKind::TimedOut, "the handshake took too long"))?
}
