//! `symbolon-agent`: shows what waits for the person's answer and asks for the PIN, inside their
//! desktop session. It holds no key and cannot name one; it knows the daemon by D-Bus alone.

mod agent;
mod approval;
mod assuan;
mod child;
mod daemon;
mod desk;
mod notification;
mod orphans;
mod pinentry;
mod secret;
mod session;
mod watchers;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use zbus::Connection;
use zbus::fdo::{DBusProxy, RequestNameFlags, RequestNameReply};

use agent::{Agent, Input};

/// Held on the session bus: one agent per session.
const BUS_NAME: &str = "org.symbolon.Agent1";

/// Shows login and signature requests as notifications and asks for the PIN.
///
/// Runs inside a desktop session, usually started by systemd (symbolon-agent.service) or by
/// autostart. Without it, `symbolon pending` and `symbolon approve` do the same in a terminal.
#[derive(Debug, Parser)]
#[command(name = "symbolon-agent", version)]
struct Arguments {
    /// The D-Bus address of the daemon's bus, instead of the system bus (for tests and demos).
    #[arg(long, value_name = "ADDRESS")]
    system_bus: Option<String>,

    /// The program that asks for the PIN: a path, or a name to be found in PATH.
    #[arg(long, value_name = "PROGRAM", default_value = "pinentry")]
    pinentry: PathBuf,

    /// Only close the notifications that a dead agent left on the screen.
    #[arg(long)]
    close_notifications: bool,
}

// One thread: it also spawns the PIN prompt, which is to die with the thread that spawned it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the agent ends");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> zbus::Result<()> {
    let session_bus = Connection::session().await?;
    if arguments.close_notifications {
        let server = notification::server(&session_bus).await?;
        orphans::Orphans::of_this_session().close(&server).await;
        return Ok(());
    }
    if !is_the_only_one(&session_bus).await? {
        tracing::info!("another agent serves this session");
        return Ok(());
    }
    let system_bus = match &arguments.system_bus {
        Some(address) => {
            zbus::connection::Builder::address(address.as_str())?
                .build()
                .await?
        }
        None => Connection::system().await?,
    };
    let agent = Agent::start(system_bus, &session_bus, arguments.pinentry).await?;
    let inputs = agent.inputs();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Nobody listens any more only when the agent ends anyway.
        let _ = inputs.send(Input::Stop).await;
    });
    agent.run().await;
    Ok(())
}

/// Takes the name, unless another has it. Asked of the bus itself: the connection's own method
/// expects objects to be served under a name.
async fn is_the_only_one(session_bus: &Connection) -> zbus::Result<bool> {
    let name = BUS_NAME.try_into()?;
    let flags = RequestNameFlags::DoNotQueue.into();
    let bus = DBusProxy::new(session_bus).await?;
    let reply = bus.request_name(name, flags).await?;
    Ok(reply == RequestNameReply::PrimaryOwner)
}

/// To the journal where systemd connected us to it, else to standard error.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    if std::env::var_os("JOURNAL_STREAM").is_some()
        && let Ok(journal) = tracing_journald::layer()
    {
        return registry.with(journal).init();
    }
    let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    registry.with(stderr).init();
}
