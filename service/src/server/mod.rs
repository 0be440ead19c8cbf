//! The running service: its listeners, housekeeping, and an orderly end.

mod connections;
mod health;
mod housekeeping;
mod open;
mod share_keeper;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::certificates::CertificatesError;
use crate::certificates::status;
use crate::config::{Config, ConfigError, MetricsConfig};
use crate::demo::{Demo, DemoError};
use crate::device_api;
use crate::keys::KeysError;
use crate::landing;
use crate::log;
use crate::metrics;
use crate::relying_party::{self, RelyingPartyApi, openapi};
use crate::sessions::Sessions;
use crate::store::StoreError;
use crate::tls::TlsError;
use connections::{Endpoint, Protection};
use open::Opened;
pub(crate) use open::service as open_service;

/// How long requests that are under way may take once the service is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// OpenMetrics' text, which Prometheus reads as well as its own older format.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HSM.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The certificates.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store has accounts that would never answer, and whose keys protect nobody.
    #[error(
        "the store holds demo accounts, and the configuration has no [demo] section: \
         serve it as a demo, or begin with another store"
    )]
    DemoAccounts,
    /// Demo accounts cannot answer.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file that tells the addresses cannot be written.
    #[error("{path} cannot be written: {source}")]
    AddressesFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The system.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// Serves until it is told to stop (SIGTERM, SIGINT). SIGHUP takes up a changed log filter from
/// the file at `config_path`; the register of relying parties is in the store and needs nothing.
pub async fn serve(
    config: Config,
    config_path: PathBuf,
    addresses_file: Option<PathBuf>,
) -> Result<(), ServeError> {
    // Before anything is told to anybody: a signal that nobody listens to ends the process.
    let signals = Signals::listen()?;
    let Opened {
        service,
        demo,
        status,
        device_tls,
        relying_party_tls,
    } = open::open(&config).await?;
    let relying_party_listener = listen(config.relying_party.listen).await?;
    let device_listener = listen(config.device.listen).await?;
    let status_listener = match &config.status {
        Some(status) => Some(listen(status.listen).await?),
        None => None,
    };
    let metrics_listener = match config.metrics.as_ref().and_then(|metrics| metrics.listen) {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let addresses = Addresses {
        relying_party: relying_party_listener.local_addr()?,
        device: device_listener.local_addr()?,
        status: match &status_listener {
            Some(listener) => Some(listener.local_addr()?),
            None => None,
        },
        metrics: match &metrics_listener {
            Some(listener) => Some(listener.local_addr()?),
            None => None,
        },
    };
    let sessions = service.sessions.clone();
    let store = service.store.clone();
    let keys = service.keys.clone();
    let ahead = service.ahead.clone();

    let relying_parties = Endpoint::start(
        relying_party_listener,
        match relying_party_tls {
            Some(tls) => Protection::Tls(tls),
            None => Protection::Plain,
        },
        relying_party_router(&config, &service, demo.as_ref())
            .merge(status::router(status.clone())),
        sessions.hints().stopping(),
    );
    let metrics = metrics_listener.map(|listener| {
        Endpoint::start(
            listener,
            Protection::Plain,
            metrics_router(&service),
            sessions.hints().stopping(),
        )
    });
    let devices = Endpoint::start(
        device_listener,
        Protection::Device(device_tls),
        device_api::router(service),
        sessions.hints().stopping(),
    );
    let status = status_listener.map(|listener| {
        Endpoint::start(
            listener,
            Protection::Plain,
            status::router(status),
            sessions.hints().stopping(),
        )
    });
    let housekeeping = tokio::spawn(housekeeping::run(store.clone(), sessions.clone(), ahead));
    let demo = demo.zip(config.demo).map(|(demo, config)| {
        tracing::warn!("demo accounts answer by themselves: this service protects nobody");
        tokio::spawn(demo.run(config))
    });
    let share_keeper = config.hsm.shares_ahead.map(|wanted| {
        let stopping = sessions.hints().stopping();
        tokio::spawn(share_keeper::run(
            store.clone(),
            keys,
            wanted.get(),
            stopping,
        ))
    });

    if let Some(path) = addresses_file {
        addresses.write(&path)?;
    }
    tracing::info!(relying_party = %addresses.relying_party, device = %addresses.device, "serving");
    notify(&[NotifyState::Ready]);
    signals.await_stop(&config_path).await;

    notify(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    sessions.hints().stop();
    tokio::join!(relying_parties.drain(DRAIN), devices.drain(DRAIN), async {
        for endpoint in [status, metrics].into_iter().flatten() {
            endpoint.drain(DRAIN).await;
        }
    });
    let _ = housekeeping.await;
    if let Some(demo) = demo {
        let _ = demo.await;
    }
    if let Some(share_keeper) = share_keeper {
        let _ = share_keeper.await;
    }
    store.close().await;
    Ok(())
}

fn relying_party_router(
    config: &Config,
    service: &crate::service::Service,
    demo: Option<&Arc<Demo>>,
) -> Router {
    let api = RelyingPartyApi::new(
        service.store.clone(),
        service.sessions.clone(),
        &config.relying_party,
        &config.device_link_base(),
    );
    let health = Arc::new(health::Health::new(
        service.store.clone(),
        service.keys.clone(),
    ));
    let mock = demo.map(Demo::router).unwrap_or_default();
    let document = Arc::new(openapi::document(
        &config.relying_party.prefix,
        config.relying_party.prefix_v2.as_deref(),
    ));
    let metrics = match &config.metrics {
        Some(MetricsConfig { listen: None }) => metrics_router(service),
        Some(_) | None => Router::new(),
    };
    relying_party::router(api)
        .merge(openapi::router(document))
        .merge(mock)
        .merge(metrics)
        .merge(landing::router(&config.device_link_base()))
        .route("/health", get(async move || health::report(&health).await))
}

fn metrics_router(service: &crate::service::Service) -> Router {
    let service = service.clone();
    let report = async move || match metrics::report(&service).await {
        Ok(report) => ([(CONTENT_TYPE, METRICS_TYPE)], report).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    Router::new().route("/metrics", get(report))
}

/// What was bound, for who asked for port 0.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Addresses {
    relying_party: SocketAddr,
    device: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<SocketAddr>,
}

impl Addresses {
    /// Whoever sees the file sees all of it.
    fn write(&self, path: &Path) -> Result<(), ServeError> {
        let failed = |source| ServeError::AddressesFile {
            path: path.into(),
            source,
        };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, text).map_err(failed)?;
        std::fs::rename(&unfinished, path).map_err(failed)
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// The signals that the service obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads as often as it is asked to, and returns when the service shall end.
    async fn await_stop(mut self, config_path: &Path) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => reload(config_path),
            }
        }
    }
}

/// What cannot be taken up leaves everything as it was.
fn reload(config_path: &Path) {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
    let reloaded = Config::load(config_path)
        .map_err(|error: ConfigError| error.to_string())
        .and_then(|config| log::reload(&config.log).map_err(|error| error.to_string()));
    match reloaded {
        Ok(()) => tracing::info!("the log filter was read anew; all else needs a restart"),
        Err(error) => tracing::error!(%error, "nothing was reloaded"),
    }
    notify(&[NotifyState::Ready]);
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
