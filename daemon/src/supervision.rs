//! What the daemon tells the system about itself: log, readiness, life.

use std::time::Duration;

use sd_notify::NotifyState;
use symbolon_daemon::vault_thread::VaultHandle;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs to the journal where systemd started us, else to standard error. `RUST_LOG` filters by
/// levels of modules: `EnvFilter`'s spans and fields would keep a regular-expression engine here.
pub(crate) fn start_logging() {
    let wanted = std::env::var("RUST_LOG").ok();
    let filter = wanted
        .and_then(|wanted| wanted.parse().ok())
        .unwrap_or_else(|| {
            Targets::new()
                .with_default(LevelFilter::INFO)
                // It would write each call down for a span of its own, while the call waits.
                .with_target("zbus", LevelFilter::WARN)
        });
    let registry = tracing_subscriber::registry().with(filter);
    let journal = std::env::var_os("JOURNAL_STREAM")
        .and_then(|_| tracing_journald::layer().ok())
        .map(|journal| journal.with_field_prefix(None));
    match journal {
        Some(journal) => registry.with(journal).init(),
        None => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(false),
            )
            .init(),
    }
}

/// The name is on the bus, the accounts are read.
pub(crate) fn tell_ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is being read anew.
pub(crate) fn tell_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the clock cannot be read"),
    }
}

/// The daemon ends.
pub(crate) fn tell_stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Feeds systemd's watchdog, where there is one, as long as the vault's thread answers.
pub(crate) async fn feed_watchdog(vault: VaultHandle) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else {
        return;
    };
    loop {
        tokio::time::sleep(limit / 2).await;
        // It may be making a key, which takes a discrete TPM most of a minute.
        if vault.call(|_| Ok(())).await.is_ok() {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not told");
    }
}
