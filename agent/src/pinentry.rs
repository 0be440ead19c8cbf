//! Asks for a PIN, or for an agreement, with a pinentry program in the person's session.
//!
//! No `SETKEYINFO` and no external cache: with them some pinentries offer to keep the PIN in a
//! keyring. The prompt may hide the notification and some desktops drop the window's title, so
//! the description repeats code, relying party and text.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::assuan::{AssuanError, Server};
use crate::secret::Secret;

/// How long the program may take for everything but the person's answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// libgpg-error codes, the lower sixteen bits of an `ERR` value.
const TIMEOUT: u32 = 62;
const CANCELLED: u32 = 99;
const NOT_CONFIRMED: u32 = 114;
const FULLY_CANCELLED: u32 = 198;
/// `ENOTTY` as libgpg-error numbers it; seen as 83918950 without display and terminal.
const NO_TERMINAL: u32 = 0x8066;

/// Which program asks.
#[derive(Debug, Clone)]
pub(crate) struct Pinentry {
    /// A pinentry: a path, or a name to be found in `PATH`.
    program: PathBuf,
    /// What it cannot know by itself when it is not started from a terminal.
    options: Vec<String>,
}

/// What the person is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The window's title.
    pub(crate) title: String,
    /// What it is about: relying party, code, text.
    pub(crate) description: String,
    /// What answers it, if the person does not reject.
    pub(crate) wanted: Wanted,
    /// What went wrong before, e.g. `Wrong PIN, 2 left`.
    pub(crate) error: Option<String>,
    /// How long an answer is of use.
    pub(crate) time_left: Duration,
    /// What a Wayland compositor wants to see before it lets a window take the focus.
    pub(crate) activation_token: Option<String>,
}

/// What answers a question.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// A PIN, with these words before it.
    Pin(String),
    /// A pressed button.
    Agreement,
}

impl Wanted {
    /// The command that asks for it, and what the button says.
    fn command(&self) -> (&'static str, &'static str) {
        match self {
            Self::Pin(_) => ("GETPIN", "Approve"),
            Self::Agreement => ("CONFIRM", "Agree"),
        }
    }
}

/// What the person did.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Typed a PIN.
    Pin(Secret),
    /// Agreed, where no PIN was wanted.
    Agreed,
    /// Pressed the reject button, Escape or the window's close button.
    Rejected,
    /// Nothing in time.
    TimedOut,
}

/// Why nobody could be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PromptError {
    /// There is no such program, or it may not be run.
    #[error(
        "{program} cannot be started: {source}; install a pinentry, or name one with --pinentry"
    )]
    Start {
        /// As configured.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The program found neither a display nor a terminal.
    #[error(
        "the prompt found neither a display nor a terminal; start the agent inside the desktop session, or use the symbolon command"
    )]
    NoTerminal,
    /// Anything else.
    #[error(transparent)]
    Assuan(#[from] AssuanError),
}

impl Pinentry {
    /// With the terminal and the language of this session.
    pub(crate) fn of_this_session(program: PathBuf) -> Self {
        let options = session_options();
        Self { program, options }
    }

    /// Asks, until there is an answer or `cancelled` completes; then the window is gone (`None`).
    pub(crate) async fn ask(
        &self,
        question: &Question,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Option<Answer>, PromptError> {
        tokio::pin!(cancelled);
        let mut server = tokio::select! {
            biased;
            () = &mut cancelled => return Ok(None),
            server = self.start(question) => server?,
        };
        let answer = tokio::select! {
            answer = self.converse(&mut server, question) => answer.map(Some),
            () = &mut cancelled => Ok(None),
        };
        server.stop().await;
        answer
    }

    async fn start(&self, question: &Question) -> Result<Server, PromptError> {
        let mut command = Command::new(&self.program);
        if let Some(token) = &question.activation_token {
            command.env("XDG_ACTIVATION_TOKEN", token);
        }
        Server::start(command, PATIENCE)
            .await
            .map_err(|error| match error {
                AssuanError::Broken(source) => PromptError::Start {
                    program: self.program.clone(),
                    source,
                },
                error => error.into(),
            })
    }

    async fn converse(
        &self,
        server: &mut Server,
        question: &Question,
    ) -> Result<Answer, PromptError> {
        for option in &self.options {
            // Options are wishes: a program that does not know one still asks.
            match server.command("OPTION", option, PATIENCE).await {
                Ok(_) | Err(AssuanError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let seconds = question.time_left.as_secs().max(1).to_string();
        let (command, button) = question.wanted.command();
        let mut settings = vec![
            ("SETTITLE", question.title.as_str()),
            ("SETDESC", &question.description),
            ("SETOK", button),
            ("SETCANCEL", "Reject"),
            ("SETTIMEOUT", &seconds),
        ];
        if let Wanted::Pin(prompt) = &question.wanted {
            settings.push(("SETPROMPT", prompt));
        }
        if let Some(error) = &question.error {
            settings.push(("SETERROR", error));
        }
        for (verb, argument) in settings {
            server.command(verb, argument, PATIENCE).await?;
        }
        match server
            .command(command, "", question.time_left + PATIENCE)
            .await
        {
            Ok(typed) => Ok(match question.wanted {
                Wanted::Pin(_) => Answer::Pin(typed),
                Wanted::Agreement => Answer::Agreed,
            }),
            Err(AssuanError::Silent) => Ok(Answer::TimedOut),
            Err(AssuanError::Refused { code, text }) => match code & 0xffff {
                CANCELLED | NOT_CONFIRMED | FULLY_CANCELLED => Ok(Answer::Rejected),
                TIMEOUT => Ok(Answer::TimedOut),
                NO_TERMINAL => Err(PromptError::NoTerminal),
                _ => Err(AssuanError::Refused { code, text }.into()),
            },
            Err(error) => Err(error.into()),
        }
    }
}

fn session_options() -> Vec<String> {
    let variable = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let first = |names: &[&str]| names.iter().find_map(|name| variable(name));
    [
        ("ttyname", variable("GPG_TTY")),
        ("ttytype", variable("TERM")),
        ("lc-ctype", first(&["LC_ALL", "LC_CTYPE", "LANG"])),
        ("lc-messages", first(&["LC_ALL", "LC_MESSAGES", "LANG"])),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
    .collect()
}

#[cfg(test)]
mod tests;
