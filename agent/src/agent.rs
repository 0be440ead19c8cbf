//! The agent's loop: what the buses and clocks say goes to the desk, what the desk decides is
//! carried out.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zbus::Connection;

use crate::approval::Approval;
use crate::daemon::{self, SymbolonProxy};
use crate::desk::{AttemptNumber, Desk, Effect, Event, Request};
use crate::notification::{self, Notifier};
use crate::orphans::Orphans;
use crate::pinentry::Pinentry;
use crate::{session, watchers};

/// How long the end of the agent waits for the PIN prompt's end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What comes in from outside.
#[derive(Debug)]
pub(crate) enum Input {
    /// Something that the desk understands as it is.
    Desk(Event),
    /// A button of a notification was pressed.
    Action { id: u32, action: String },
    /// A notification was closed.
    Closed { id: u32, reason: u32 },
    /// The compositor lets our next window take the focus.
    Activation { id: u32, token: String },
    /// The notification server with this unique name took the service over, or the last one left.
    Server(Option<String>),
    /// The agent is to end.
    Stop,
}

/// The running agent.
pub(crate) struct Agent {
    desk: Desk,
    notifier: Notifier,
    daemon: SymbolonProxy<'static>,
    pinentry: Pinentry,
    activation_token: Option<String>,
    approval: Option<RunningApproval>,
    inputs: Sender<Input>,
    received: Receiver<Input>,
}

struct RunningApproval {
    cancel: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Agent {
    /// Connects to both worlds; nothing is shown yet but what a former agent left is closed.
    pub(crate) async fn start(
        system_bus: Connection,
        session_bus: &Connection,
        program: PathBuf,
    ) -> zbus::Result<Self> {
        let (inputs, received) = mpsc::channel(64);
        let daemon = SymbolonProxy::builder(&system_bus)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let server = notification::server(session_bus).await?;
        let orphans = Orphans::of_this_session();
        orphans.close(&server).await;
        watchers::notifications(&server, inputs.clone()).await?;
        watchers::daemon(&daemon, inputs.clone()).await?;
        tokio::spawn(session::watch(system_bus, inputs.clone()));
        Ok(Self {
            desk: Desk::new(),
            notifier: Notifier::new(server, orphans),
            daemon,
            pinentry: Pinentry::of_this_session(program),
            activation_token: None,
            approval: None,
            inputs,
            received,
        })
    }

    /// Where to send [`Input::Stop`].
    pub(crate) fn inputs(&self) -> Sender<Input> {
        self.inputs.clone()
    }

    /// Serves until it is told to stop; then nothing of it is on the screen.
    pub(crate) async fn run(mut self) {
        while let Some(input) = self.next().await {
            if matches!(input, Input::Stop) {
                break;
            }
            if let Some(event) = self.understand(input) {
                self.take(event).await;
            }
        }
        self.notifier.close().await;
        if let Some(approval) = self.approval.take() {
            approval.cancel.send_replace(true);
            let _ = tokio::time::timeout(FAREWELL, approval.task).await;
        }
    }

    /// The next input; [`Event::Tick`] when a request runs out.
    async fn next(&mut self) -> Option<Input> {
        match self.desk.next_expiry() {
            None => self.received.recv().await,
            Some(expiry) => tokio::time::timeout_at(expiry, self.received.recv())
                .await
                .unwrap_or(Some(Input::Desk(Event::Tick))),
        }
    }

    /// What an input means for the desk, if anything.
    fn understand(&mut self, input: Input) -> Option<Event> {
        match input {
            Input::Desk(event) => Some(event),
            Input::Activation { id, token } => {
                if self.notifier.shows(id) {
                    self.activation_token = Some(token);
                }
                None
            }
            Input::Action { id, action } if self.notifier.shows(id) => match action.as_str() {
                notification::OPEN | notification::APPROVE => Some(Event::ApproveChosen),
                notification::CONSENT => Some(Event::ConsentChosen),
                notification::REJECT => Some(Event::RejectChosen),
                notification::NOT_MINE => Some(Event::NotMineChosen),
                other => notification::code_of(other).map(Event::CodeChosen),
            },
            Input::Closed { id, reason } if self.notifier.shows(id) => {
                tracing::info!(reason, "the notification was closed; see: symbolon pending");
                self.notifier.forget();
                Some(Event::Dismissed)
            }
            Input::Server(None) => {
                self.notifier.forget();
                None
            }
            // The server that our own notification just started announces itself, too.
            Input::Server(Some(server)) if !self.notifier.shows_on(&server) => {
                self.notifier.forget();
                Some(Event::ServerReplaced)
            }
            Input::Action { .. } | Input::Closed { .. } | Input::Server(_) | Input::Stop => None,
        }
    }

    async fn take(&mut self, event: Event) {
        for effect in self.desk.step(event, Instant::now()) {
            match effect {
                Effect::Show(offer) => {
                    if let Err(error) = self.notifier.show(&offer).await {
                        tracing::warn!(%error, transaction = offer.id, "no notification; see: symbolon pending");
                    }
                }
                Effect::Close => self.notifier.close().await,
                Effect::StartApproval(attempt, request) => self.start_approval(attempt, request),
                Effect::StopApproval => self.stop_approval(),
                Effect::Consent(id) => self.consent(id),
                Effect::Refuse(id) => self.refuse(id),
                Effect::Disown(id) => self.disown(id),
                Effect::Tell(news) => {
                    if let Err(error) = self.notifier.tell(&news).await {
                        tracing::warn!(%error, news, "not shown");
                    }
                }
            }
        }
    }

    fn start_approval(&mut self, attempt: AttemptNumber, request: Request) {
        let (cancel, cancelled) = watch::channel(false);
        let approval = Approval {
            daemon: self.daemon.clone(),
            pinentry: self.pinentry.clone(),
            attempt,
            request,
            activation_token: self.activation_token.take(),
            cancelled,
            inputs: self.inputs.clone(),
        };
        self.approval = Some(RunningApproval {
            cancel,
            task: tokio::spawn(approval.run()),
        });
    }

    fn stop_approval(&mut self) {
        if let Some(approval) = self.approval.take() {
            // The task itself takes its prompt away and ends.
            approval.cancel.send_replace(true);
        }
    }

    fn consent(&self, id: String) {
        let daemon = self.daemon.clone();
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            if let Err(error) = daemon.consent(&id).await {
                let failed = Event::ConsentFailed(daemon::complaint(&error));
                let _ = inputs.send(Input::Desk(failed)).await;
            }
        });
    }

    fn refuse(&self, id: String) {
        let daemon = self.daemon.clone();
        tokio::spawn(async move {
            if let Err(error) = daemon.refuse(&id).await {
                tracing::warn!(%error, transaction = id, "the refusal did not arrive");
            }
        });
    }

    fn disown(&self, id: String) {
        let daemon = self.daemon.clone();
        tokio::spawn(async move {
            if let Err(error) = daemon.disown(&id).await {
                tracing::warn!(%error, transaction = id, "the refusal did not arrive");
            }
        });
    }
}
