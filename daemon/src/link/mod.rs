//! The connection to one service as one device: HTTP/2 over TLS 1.3 with the device's key.
//!
//! * `connection`: opens it, and keeps it alive by PING alone.
//! * `call`: one typed request and its reply. `body`: what an answer brings.
//! * `events`: pushed events, as a stream or by long polls.
//! * `sse`, `backoff`: the stream's syntax; how long to wait after a failure.

mod backoff;
mod body;
mod call;
mod connection;
mod error;
mod events;
mod sse;

pub use backoff::Backoff;
pub use call::body_of;
pub use connection::{Endpoint, EndpointError, probe};
pub use error::LinkError;
pub use events::{EventStream, Pushed};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use connection::Connection;
use tokio::sync::Mutex;

/// How often an idle connection is pinged until the service says otherwise.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(240);

/// One device's way to its service. It connects when something is to be sent.
pub struct Link {
    target: RwLock<Target>,
    connection: Mutex<Option<Connection>>,
    keep_alive_seconds: AtomicU64,
}

/// Where to connect and how, or in words why that is not known.
pub type Target = Result<(Endpoint, Arc<rustls::ClientConfig>), String>;

impl Link {
    /// Connects to nothing yet.
    pub fn new(target: Target) -> Self {
        Self {
            target: RwLock::new(target),
            connection: Mutex::new(None),
            keep_alive_seconds: AtomicU64::new(DEFAULT_KEEP_ALIVE.as_secs()),
        }
    }

    /// Connects elsewhere from the next connection on.
    pub fn retarget(&self, target: Target) {
        *self
            .target
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = target;
    }

    /// Whether a request would go over a connection that is there.
    pub fn is_connected(&self) -> bool {
        // Whoever holds it is connecting, or about to.
        let held = self.connection.try_lock();
        held.is_ok_and(|held| held.as_ref().is_some_and(|held| !held.is_closed()))
    }

    /// Makes the next request open a new connection.
    pub async fn hang_up(&self) {
        *self.connection.lock().await = None;
    }

    /// Takes the service's word on how often to ping; it holds from the next connection on.
    pub fn set_keep_alive(&self, seconds: u32) {
        self.keep_alive_seconds
            .store(u64::from(seconds.clamp(15, 1800)), Ordering::Relaxed);
    }

    /// The connection as it stands, or a new one. The flag tells whether it had been used before.
    async fn connected(&self) -> Result<(Connection, bool), LinkError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|held| !held.is_closed()) {
            return Ok((connection.clone(), true));
        }
        let (endpoint, tls) = self.target()?;
        let keep_alive = Duration::from_secs(self.keep_alive_seconds.load(Ordering::Relaxed));
        let opened = Connection::open(&endpoint, tls, keep_alive).await?;
        *held = Some(opened.clone());
        Ok((opened, false))
    }

    /// Drops the connection, if it is still the one that failed.
    async fn discard(&self, failed: &Connection) {
        let mut held = self.connection.lock().await;
        if held.as_ref().is_some_and(|held| held.is(failed)) {
            *held = None;
        }
    }

    fn target(&self) -> Result<(Endpoint, Arc<rustls::ClientConfig>), LinkError> {
        self.target
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
            .map_err(LinkError::Unreachable)
    }
}
