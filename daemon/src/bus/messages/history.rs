//! What happened to an account on this machine.

use serde::{Deserialize, Serialize};
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use uuid::Uuid;

use super::{Digest, User};

/// `History`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
}

/// `ExportHistory`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRecord {
    /// The account's.
    pub document_number: DocumentNumber,
    /// As it stands in the daemon's file: one JSON object a line, oldest first.
    pub record: String,
}

/// Something that happened to an account on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When, by this machine's clock.
    pub at: i64,
    /// What.
    pub event: HistoryEvent,
    /// For a transaction: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Uuid>,
    /// Which PIN it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<KeyPurpose>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relying_party_name: Option<String>,
    /// What the person was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The code that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<String>,
    /// The relying party's digest, as it was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Who did it here; absent where nobody of this machine did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<User>,
    /// The colleagues who agreed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<User>,
    /// More, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl HistoryEntry {
    /// Something that happens now.
    pub fn new(event: HistoryEvent) -> Self {
        Self {
            at: crate::clock::now(),
            event,
            transaction: None,
            purpose: None,
            relying_party_name: None,
            text: None,
            verification_code: None,
            digest: None,
            by: None,
            agreed: Vec::new(),
            detail: None,
        }
    }

    /// The same at another time.
    #[must_use]
    pub fn at(self, at: i64) -> Self {
        Self { at, ..self }
    }

    /// The same about one PIN.
    #[must_use]
    pub fn of(self, purpose: KeyPurpose) -> Self {
        Self {
            purpose: Some(purpose),
            ..self
        }
    }

    /// The same with who did it.
    #[must_use]
    pub fn by(self, by: Option<User>) -> Self {
        Self { by, ..self }
    }

    /// The same with the colleagues who agreed before.
    #[must_use]
    pub fn agreed(self, agreed: Vec<User>) -> Self {
        Self { agreed, ..self }
    }

    /// The same with more in words.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HistoryEvent {
    /// The account was made.
    Enrolled,
    /// A transaction was approved and its signature verified.
    Approved,
    /// A colleague agreed to a transaction that several must approve.
    Agreed,
    /// The signing certificate was given to a relying party, with the person's consent.
    Consented,
    /// A transaction was refused by the person.
    Refused,
    /// A transaction was refused by the person, who had not started it.
    Disowned,
    /// The device itself refused a transaction; `detail` says why.
    RefusedByDevice,
    /// A transaction ended before it was answered.
    Expired,
    /// Another device of the person answered it.
    AnsweredElsewhere,
    /// A wrong verification code was picked, which ended the transaction.
    WrongCode,
    /// A wrong PIN was counted.
    WrongPin,
    /// The account was locked.
    Locked,
    /// A lock was released.
    Released,
    /// A PIN was changed.
    PinChanged,
    /// The account was closed by the service.
    Closed,
    /// From here on the history is chained.
    ChainBegun,
    /// Older entries were dropped for want of room.
    Shortened,
}

impl HistoryEvent {
    /// Whether it is how somebody of this machine answered a transaction.
    pub(crate) fn is_an_answer(self) -> bool {
        matches!(
            self,
            Self::Approved | Self::Consented | Self::Refused | Self::Disowned | Self::WrongCode
        )
    }
}

impl std::fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}
