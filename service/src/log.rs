//! Logging: to the journal when systemd reads us, to standard error otherwise.

use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use tracing::Metadata;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::LogConfig;

/// What is logged unless the configuration says otherwise.
const DEFAULT_FILTER: &str = "info";

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Why logging did not begin, or not as asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not understood.
    #[error("the log filter is not understood: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The journal cannot be reached.
    #[error("the journal cannot be reached: {0}")]
    Journal(#[from] std::io::Error),
    /// Logging had begun before.
    #[error("logging has begun already")]
    Again(#[from] tracing_subscriber::util::TryInitError),
    /// Nothing logs, so nothing can be changed.
    #[error("the log filter cannot be changed: {0}")]
    Reload(#[from] reload::Error),
}

/// Who reads standard error where the journal does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Whoever started the service.
    Operator,
    /// A person at a command, who wants its result. Rows of the audit trail go to the journal all
    /// the same, if there is one.
    Person,
}

/// Begins to log.
pub fn init(config: &LogConfig, reader: Reader) -> Result<(), LogError> {
    let (filter, handle) = reload::Layer::new(filter(config)?);
    let output = if is_read_by_journal() {
        journal()?.boxed()
    } else {
        let terminal = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        match reader {
            Reader::Operator => terminal.boxed(),
            Reader::Person => terminal
                .with_filter(filter_fn(|event| !is_audit(event)))
                .and_then(
                    journal()
                        .ok()
                        .map(|journal| journal.with_filter(filter_fn(is_audit))),
                )
                .boxed(),
        }
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(output)
        .try_init()?;
    let _ = FILTER.set(handle);
    Ok(())
}

/// Takes up a changed filter.
pub fn reload(config: &LogConfig) -> Result<(), LogError> {
    let filter = filter(config)?;
    if let Some(handle) = FILTER.get() {
        handle.reload(filter)?;
    }
    Ok(())
}

/// The fields by their own names (`ACCOUNT=`, `RELYING_PARTY=`, `EVENT=`), for `journalctl` to find.
fn journal() -> std::io::Result<tracing_journald::Layer> {
    Ok(tracing_journald::layer()?.with_field_prefix(None))
}

fn is_audit(event: &Metadata<'_>) -> bool {
    event.target().starts_with("symbolon_service::audit")
}

fn filter(config: &LogConfig) -> Result<EnvFilter, LogError> {
    Ok(EnvFilter::try_new(
        config.filter.as_deref().unwrap_or(DEFAULT_FILTER),
    )?)
}

/// Whether standard error leads into the journal (systemd.exec(5), `$JOURNAL_STREAM`); it may be
/// inherited by a process whose standard error was redirected.
fn is_read_by_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|error| stream == format!("{}:{}", error.dev(), error.ino()))
}
