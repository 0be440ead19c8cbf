//! One module per command, or per few that are alike.

mod agree;
mod approve;
mod choose;
mod codes;
mod consent;
mod delete;
mod doctor;
mod ends;
mod enrol;
mod history;
mod lists;
mod open;
mod pin_change;
mod record;
mod standing;
mod unlock;
mod watch;

use serde::de::DeserializeOwned;
use symbolon_daemon::bus::client::{self, SymbolonProxy, fault_of};
use symbolon_daemon::bus::fault::FaultKind;
use tokio::sync::OnceCell;

use crate::arguments::{Arguments, Command, History, Pin};
use crate::authentication::Authentication;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::prompt::Source;

/// What every command has at hand.
struct Session {
    daemon: SymbolonProxy<'static>,
    bus: Option<String>,
    output: Output,
    /// polkit's agent, once it was wanted.
    authentication: OnceCell<Authentication>,
}

/// Runs a command to its exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let output = Output::new(arguments.json);
    let connected = Session::begin(arguments.bus.as_deref(), output).await;
    if matches!(arguments.command, Command::Doctor) {
        return doctor::run(connected, output).await;
    }
    if let Command::History(History {
        file: Some(file),
        head,
        ..
    }) = &arguments.command
    {
        return record::verify_file(file, *head, output);
    }
    let session = connected?;
    match arguments.command {
        Command::Enrol(wishes) => enrol::run(&session, wishes).await,
        Command::Accounts => lists::accounts(&session).await,
        Command::Pending => lists::pending(&session).await,
        Command::Watch => watch::run(&session).await,
        Command::Approve(wishes) => approve::run(&session, wishes).await,
        Command::Open(wishes) => open::run(&session, wishes).await,
        Command::Refuse { id, not_mine } => choose::refuse(&session, id, not_mine).await,
        Command::Status => lists::status(&session).await,
        Command::Pin(Pin::Change(wishes)) => pin_change::run(&session, wishes).await,
        Command::Unlock { pin_fd, pin_stdin } => {
            unlock::run(&session, Source::chosen(pin_fd, pin_stdin)).await
        }
        Command::History(wishes) => history::run(&session, wishes).await,
        Command::Delete { document, yes } => delete::run(&session, &document, yes).await,
        Command::Doctor => Ok(Exit::Success),
    }
}

impl Session {
    async fn begin(bus: Option<&str>, output: Output) -> Result<Self, Failure> {
        let connection = client::connect(bus).await?;
        let daemon = SymbolonProxy::builder(&connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        Ok(Self {
            daemon,
            bus: bus.map(str::to_owned),
            output,
            authentication: OnceCell::new(),
        })
    }

    /// Has the daemon do something, and once more with polkit's agent at the terminal if somebody
    /// must authenticate for it, whom nothing else asked. Most are let do it without, and an agent
    /// takes a moment to begin.
    async fn authorised<T>(&self, call: impl AsyncFn() -> zbus::Result<T>) -> zbus::Result<T> {
        match call().await {
            Err(error) if needs_authentication(&error) && self.can_authenticate_now().await => {
                call().await
            }
            answered => answered,
        }
    }

    /// Whether there is an agent that was not there before. It stays until the command ends.
    async fn can_authenticate_now(&self) -> bool {
        if self.authentication.initialized() {
            return false;
        }
        let begin = || Authentication::offer(self.bus.as_deref());
        self.authentication.get_or_init(begin).await.is_there()
    }
}

fn needs_authentication(error: &zbus::Error) -> bool {
    fault_of(error).is_some_and(|fault| fault.kind == FaultKind::AuthenticationNeeded)
}

/// Reads one of the daemon's replies.
fn parse<T: DeserializeOwned>(reply: &str) -> Result<T, Failure> {
    serde_json::from_str(reply).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!(
                "the daemon's answer is not understood ({error}); it is of another version, restart it: systemctl restart symbolond"
            ),
        )
    })
}
