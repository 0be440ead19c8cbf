//! Listens on both buses. Each bus's signals come through one stream, so that their order is kept.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use zbus::Message;

use crate::agent::Input;
use crate::daemon::{self, Pending, SymbolonProxy};
use crate::desk::Event;
use crate::notification::NotificationsProxy;

/// After a daemon that is there refused or failed to answer.
const RETRY: Duration = Duration::from_secs(10);

/// Reports what becomes of our notifications.
pub(crate) async fn notifications(
    server: &NotificationsProxy<'static>,
    inputs: Sender<Input>,
) -> zbus::Result<()> {
    let mut signals = server.inner().receive_all_signals().await?;
    let mut owners = server.inner().receive_owner_changed().await?;
    tokio::spawn(async move {
        loop {
            let input = tokio::select! {
                Some(owner) = owners.next() => Some(Input::Server(owner.map(|name| name.to_string()))),
                Some(signal) = signals.next() => notification_input(&signal),
                else => return,
            };
            if let Some(input) = input
                && inputs.send(input).await.is_err()
            {
                return;
            }
        }
    });
    Ok(())
}

fn notification_input(signal: &Message) -> Option<Input> {
    let body = signal.body();
    match signal.header().member()?.as_str() {
        "ActionInvoked" => {
            let (id, action) = body.deserialize().ok()?;
            Some(Input::Action { id, action })
        }
        "NotificationClosed" => {
            let (id, reason) = body.deserialize().ok()?;
            Some(Input::Closed { id, reason })
        }
        "ActivationToken" => {
            let (id, token) = body.deserialize().ok()?;
            Some(Input::Activation { id, token })
        }
        _ => None,
    }
}

/// Subscribes to the daemon, anew whenever it restarts, and reports what waits.
pub(crate) async fn daemon(
    daemon: &SymbolonProxy<'static>,
    inputs: Sender<Input>,
) -> zbus::Result<()> {
    let mut signals = daemon.inner().receive_all_signals().await?;
    let mut owners = daemon.inner().receive_owner_changed().await?;
    let daemon = daemon.clone();
    tokio::spawn(async move {
        // Starts the daemon where the bus can.
        let mut subscribed = subscribe(&daemon, &inputs).await;
        loop {
            tokio::select! {
                Some(owner) = owners.next() => match owner {
                    Some(_) => subscribed = subscribe(&daemon, &inputs).await,
                    None => {
                        subscribed = Subscription::NoDaemon;
                        send(&inputs, Event::DaemonLost).await;
                    }
                },
                Some(signal) = signals.next() => heard(&daemon, &signal, &inputs).await,
                () = tokio::time::sleep(RETRY), if subscribed == Subscription::Failed => {
                    subscribed = subscribe(&daemon, &inputs).await;
                }
                else => return,
            }
        }
    });
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subscription {
    Standing,
    /// It will come, and be seen to come.
    NoDaemon,
    /// It is there and did not do it.
    Failed,
}

async fn subscribe(daemon: &SymbolonProxy<'_>, inputs: &Sender<Input>) -> Subscription {
    match daemon.subscribe().await {
        Ok(()) => {
            tracing::info!("subscribed to the daemon");
            list(daemon, inputs).await;
            Subscription::Standing
        }
        Err(error) if daemon::is_absence(&error) => {
            tracing::info!("the daemon is not running yet");
            Subscription::NoDaemon
        }
        Err(error) => {
            tracing::warn!(%error, "no subscription to the daemon; trying again");
            Subscription::Failed
        }
    }
}

async fn heard(daemon: &SymbolonProxy<'_>, signal: &Message, inputs: &Sender<Input>) {
    match signal.header().member().map(|member| member.as_str()) {
        Some("Offered") => list(daemon, inputs).await,
        Some("Withdrawn") => {
            if let Ok((id, reason)) = signal.body().deserialize() {
                send(inputs, Event::Withdrawn { id, reason }).await;
            }
        }
        _ => {}
    }
}

async fn list(daemon: &SymbolonProxy<'_>, inputs: &Sender<Input>) {
    let listed = match daemon.list_pending().await {
        Ok(reply) => daemon::parse::<Pending>(&reply),
        Err(error) => Err(daemon::complaint(&error)),
    };
    match listed {
        Ok(pending) => send(inputs, Event::Listed(pending.transactions)).await,
        Err(error) => tracing::warn!(error, "what waits is not known"),
    }
}

async fn send(inputs: &Sender<Input>, event: Event) {
    // Nobody listens any more only when the agent ends.
    let _ = inputs.send(Input::Desk(event)).await;
}
