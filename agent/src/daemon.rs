//! The daemon as the agent sees it: the few methods, signals and fields that it needs.

use std::time::Duration;

use serde::Deserialize;
use zbus::zvariant::Fd;

/// The daemon on the bus. Replies are JSON texts.
#[zbus::proxy(
    interface = "org.symbolon.Symbolon1",
    default_service = "org.symbolon.Symbolon1",
    default_path = "/org/symbolon/Symbolon1",
    gen_blocking = false
)]
pub(crate) trait Symbolon {
    /// Asks for the signals below as long as this connection lives.
    fn subscribe(&self) -> zbus::Result<()>;
    /// What waits for this user's answer.
    fn list_pending(&self) -> zbus::Result<String>;
    /// Prepares the hardware while the person types, and says how the PIN stands.
    fn begin_approval(&self, transaction: &str) -> zbus::Result<String>;
    /// Picks one of the codes of an offer; a wrong pick ends it.
    fn choose_code(&self, transaction: &str, code: &str) -> zbus::Result<String>;
    /// Approves with a PIN that is read from a pipe.
    fn approve(&self, transaction: &str, pin: Fd<'_>) -> zbus::Result<String>;
    /// Agrees to what needs no PIN.
    fn consent(&self, transaction: &str) -> zbus::Result<String>;
    /// Agrees to what several must approve, before the last of them types the PIN.
    fn agree(&self, transaction: &str) -> zbus::Result<String>;
    /// Declines.
    fn refuse(&self, transaction: &str) -> zbus::Result<()>;
    /// Declines what the person did not start.
    fn disown(&self, transaction: &str) -> zbus::Result<()>;
    /// A transaction waits.
    #[zbus(signal)]
    fn offered(&self, transaction: String) -> zbus::Result<()>;
    /// A transaction waits no longer.
    #[zbus(signal)]
    fn withdrawn(&self, transaction: String, reason: String) -> zbus::Result<()>;
}

/// The reply of `ListPending`.
#[derive(Debug, Deserialize)]
pub(crate) struct Pending {
    pub(crate) transactions: Vec<Offer>,
}

/// A transaction that waits. Names and texts were made harmless by the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offer {
    pub(crate) id: String,
    /// Absent where nothing is signed: the certificate is asked for, and agreeing is enough.
    pub(crate) purpose: Option<Purpose>,
    pub(crate) relying_party_name: String,
    pub(crate) brokered_relying_party_name: Option<String>,
    pub(crate) text: String,
    /// Whether it came unasked; an old daemon does not say.
    #[serde(default)]
    pub(crate) pushed: bool,
    pub(crate) verification_code: Option<String>,
    /// Codes of which the relying party shows one, as long as the person is to choose it.
    pub(crate) code_choice: Option<Vec<String>>,
    /// Whether neither name nor text is part of what is signed.
    #[serde(default)]
    pub(crate) is_bare_login: bool,
    #[serde(rename = "expiresInSeconds", deserialize_with = "seconds")]
    pub(crate) time_left: Duration,
}

impl Offer {
    /// Whether it can be approved with a PIN after this pick of a code.
    pub(crate) fn takes(&self, picked: Option<&String>) -> bool {
        match (&self.code_choice, picked) {
            (None, None) => self.purpose.is_some(),
            (Some(codes), Some(picked)) => codes.contains(picked),
            _ => false,
        }
    }

    /// What it becomes by the right pick.
    pub(crate) fn with_code(self, code: &str) -> Self {
        Self {
            verification_code: Some(code.to_owned()),
            code_choice: None,
            ..self
        }
    }
}

/// What a relying party wants, and by which PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Purpose {
    /// A login, PIN1.
    Authentication,
    /// A signature, PIN2.
    Signing,
}

impl Purpose {
    /// Names the PIN.
    pub(crate) fn pin(self) -> &'static str {
        match self {
            Self::Authentication => "PIN1",
            Self::Signing => "PIN2",
        }
    }
}

/// The reply of `BeginApproval`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApprovalBegun {
    pub(crate) pin: PinStanding,
    /// How many colleagues must still agree before this person's PIN is taken.
    #[serde(default)]
    pub(crate) others_missing: u8,
}

/// The reply of `Agree`.
#[derive(Debug, Deserialize)]
pub(crate) struct Approvals {
    pub(crate) needed: u8,
    /// Who agreed.
    pub(crate) given: Vec<serde::de::IgnoredAny>,
}

/// How a PIN stands before it is typed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum PinStanding {
    Open { tries_left: Option<u32> },
    Locked { remaining_seconds: Option<u32> },
    Closed {},
}

/// The reply of `ChooseCode`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub(crate) enum CodeChosen {
    Right {},
    Wrong {},
}

/// The reply of `Approve`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "outcome",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Verdict {
    Accepted {},
    WrongPin { tries_left: Option<u32> },
    Locked { remaining_seconds: Option<u32> },
    Closed {},
}

/// What makes a typed text no PIN: the hardware did not see it, the person may type again.
const INVALID_PIN: &str = "org.symbolon.Symbolon1.Error.InvalidPin";

/// Whether a call failed because no PIN was typed, only something else.
pub(crate) fn is_invalid_pin(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if name.as_str() == INVALID_PIN)
}

/// Whether a call failed because no daemon is on the bus.
pub(crate) fn is_absence(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if matches!(
        name.as_str(),
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner"
    ))
}

/// What a failed call says to a person: the daemon's words where there are any.
pub(crate) fn complaint(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(words), _) => words.clone(),
        error => format!("the Symbolon daemon cannot be reached ({error}); see: symbolon doctor"),
    }
}

/// Reads a reply.
pub(crate) fn parse<'a, T: Deserialize<'a>>(reply: &'a str) -> Result<T, String> {
    serde_json::from_str(reply).map_err(|error| {
        format!("the daemon's answer is not understood ({error}); agent and daemon must be of one version")
    })
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}
