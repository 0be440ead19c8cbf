//! One approval: from "Approve…" to the daemon's verdict.

use std::os::fd::AsFd;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent::Input;
use crate::daemon::{
    self, ApprovalBegun, Approvals, CodeChosen, Offer, PinStanding, SymbolonProxy, Verdict,
};
use crate::desk::{AttemptNumber, Event, Progress, Request};
use crate::pinentry::{Answer, Pinentry, Question, Wanted};
use crate::words;

/// What an approval needs.
pub(crate) struct Approval {
    pub(crate) daemon: SymbolonProxy<'static>,
    pub(crate) pinentry: Pinentry,
    pub(crate) attempt: AttemptNumber,
    pub(crate) request: Request,
    pub(crate) activation_token: Option<String>,
    /// Turns true when the request was taken back.
    pub(crate) cancelled: watch::Receiver<bool>,
    pub(crate) inputs: Sender<Input>,
}

/// What an approval takes now.
enum Due {
    /// The PIN, with so many tries left, if that is known.
    Pin(Option<u32>),
    /// That this person agrees: so many colleagues must still approve before a PIN is taken.
    Agreement(u8),
}

/// Where one round of PIN entry led.
enum Round {
    Over(Option<String>),
    /// The next round, and why.
    Again(String),
}

impl Approval {
    /// Runs to its end and reports it.
    pub(crate) async fn run(mut self) {
        let news = match self.choose_code().await {
            Ok(()) => self.ask_until_over().await,
            Err(news) => Some(news),
        };
        self.report(Progress::Ended(news)).await;
    }

    /// Hands the picked code over, if there was a choice; otherwise why no PIN is asked for.
    async fn choose_code(&mut self) -> Result<(), String> {
        let Some(code) = self.request.picked.take() else {
            return Ok(());
        };
        let offer = &mut self.request.offer;
        let reply = self
            .daemon
            .choose_code(&offer.id, &code)
            .await
            .map_err(|error| daemon::complaint(&error))?;
        match daemon::parse(&reply)? {
            CodeChosen::Right {} => {
                *offer = offer.clone().with_code(&code);
                Ok(())
            }
            CodeChosen::Wrong {} => Err(words::wrong_code()),
        }
    }

    async fn ask_until_over(&self) -> Option<String> {
        let mut error = None;
        loop {
            match self.round(error.take()).await {
                Round::Over(news) => break news,
                Round::Again(why) => error = Some(why),
            }
        }
    }

    async fn round(&self, error: Option<String>) -> Round {
        let offer = &self.request.offer;
        let Some(purpose) = offer.purpose else {
            return Round::Over(None);
        };
        // Before the prompt, so that the hardware gets ready while the person types.
        let due = match self.begin(offer).await {
            Ok(due) => due,
            Err(news) => return Round::Over(Some(news)),
        };
        let (description, wanted) = match due {
            Due::Pin(tries_left) => (
                words::description(offer, tries_left),
                Wanted::Pin(format!("{}:", purpose.pin())),
            ),
            Due::Agreement(others) => (words::agreement(offer, others), Wanted::Agreement),
        };
        let question = Question {
            title: format!("Symbolon: {}", words::headline(offer)),
            description,
            wanted,
            error,
            time_left: self.time_left(),
            activation_token: self.activation_token.clone(),
        };
        match self.pinentry.ask(&question, self.cancellation()).await {
            Ok(Some(Answer::Pin(pin))) => {
                self.report(Progress::PinEntered).await;
                match pin.into_pipe() {
                    Ok(pipe) => self.submit(offer, pipe).await,
                    Err(error) => Round::Over(Some(format!("No pipe for the PIN: {error}"))),
                }
            }
            Ok(Some(Answer::Agreed)) => Round::Over(Some(self.agree(offer).await)),
            Ok(Some(Answer::Rejected)) => {
                let refused = self.daemon.refuse(&offer.id).await;
                Round::Over(refused.err().as_ref().map(daemon::complaint))
            }
            Ok(Some(Answer::TimedOut) | None) => Round::Over(None),
            Err(error) => {
                tracing::error!(%error, "the PIN prompt failed");
                Round::Over(Some(format!(
                    "The PIN prompt failed: {error}. In a terminal: symbolon approve"
                )))
            }
        }
    }

    /// What is due, or why nothing needs to be asked for.
    async fn begin(&self, offer: &Offer) -> Result<Due, String> {
        let reply = self
            .daemon
            .begin_approval(&offer.id)
            .await
            .map_err(|error| daemon::complaint(&error))?;
        let begun: ApprovalBegun = daemon::parse(&reply)?;
        match begun.pin {
            PinStanding::Open { .. } if begun.others_missing > 0 => {
                Ok(Due::Agreement(begun.others_missing))
            }
            PinStanding::Open { tries_left } => Ok(Due::Pin(tries_left)),
            PinStanding::Locked { remaining_seconds } => Err(words::locked(remaining_seconds)),
            PinStanding::Closed {} => Err(words::closed()),
        }
    }

    /// Agrees for this person, and says how far that led.
    async fn agree(&self, offer: &Offer) -> String {
        let agreed = match self.daemon.agree(&offer.id).await {
            Ok(reply) => daemon::parse::<Approvals>(&reply),
            Err(error) => Err(daemon::complaint(&error)),
        };
        agreed.map_or_else(
            |complaint| complaint,
            |approvals| words::agreed(approvals.given.len(), approvals.needed),
        )
    }

    async fn submit(&self, offer: &Offer, pin: std::os::fd::OwnedFd) -> Round {
        let reply = match self.daemon.approve(&offer.id, pin.as_fd().into()).await {
            Ok(reply) => reply,
            Err(error) if daemon::is_invalid_pin(&error) => {
                return self.again(daemon::complaint(&error)).await;
            }
            Err(error) => return Round::Over(Some(daemon::complaint(&error))),
        };
        match daemon::parse(&reply) {
            Ok(Verdict::Accepted {}) => {
                tracing::info!(transaction = offer.id, "approved");
                Round::Over(None)
            }
            Ok(Verdict::WrongPin { tries_left }) => {
                let left = tries_left.map(|tries| format!(", {}", words::left(tries)));
                self.again(format!("Wrong PIN{}", left.unwrap_or_default()))
                    .await
            }
            Ok(Verdict::Locked { remaining_seconds }) => {
                Round::Over(Some(words::locked(remaining_seconds)))
            }
            Ok(Verdict::Closed {}) => Round::Over(Some(words::closed())),
            Err(error) => Round::Over(Some(error)),
        }
    }

    async fn again(&self, why: String) -> Round {
        self.report(Progress::PinDenied).await;
        Round::Again(why)
    }

    async fn report(&self, progress: Progress) {
        let event = Event::Approval(self.attempt, progress);
        // Nobody listens any more only when the agent ends.
        let _ = self.inputs.send(Input::Desk(event)).await;
    }

    async fn cancellation(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            tracing::debug!("the agent ends");
        }
    }

    fn time_left(&self) -> Duration {
        self.request
            .expires
            .saturating_duration_since(Instant::now())
    }
}
