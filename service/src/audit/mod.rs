//! The audit trail: one row for everything that changes what an account can do, or that it did,
//! and for everything that an administrator does. The rows are chained by hashes
//! ([`symbolon_protocol::audit_chain`]), and each goes to the journal when it is committed.

mod append;
mod begin;
mod operator;
mod row;
mod verify;

use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::store::{self, StoreError};

pub(crate) use append::append;
pub(crate) use begin::begin;
pub use operator::Operator;
pub use row::{Row, all, newest};
pub use verify::{Verified, verify, verify_export};

/// What happened. The detail of each is public: no secrets, no texts of relying parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The chain began; the detail tells what was written before.
    ChainBegun,
    /// Keys or certificates of the service were made.
    ServiceInitialised,
    /// The certificate authorities were made.
    AuthoritiesMade,
    /// A relying party was added to the register.
    RelyingPartyAdded,
    /// A relying party was removed from the register.
    RelyingPartyRemoved,
    /// A clerk issued an enrolment code.
    Invited,
    /// A device began an enrolment.
    EnrolmentBegun,
    /// A device registered its keys.
    KeysRegistered,
    /// The account went live.
    Activated,
    /// A signature was made.
    Signed,
    /// A certificate was given to a relying party, with its person's consent.
    Consented,
    /// A transaction was refused on the device.
    Refused,
    /// A person said that they did not start it.
    NotStarted,
    /// A PIN that the service judges was wrong.
    WrongPin,
    /// A device's PIN counter was behind ours, as an old copy of it would be.
    PinCounterSetBack,
    /// A PIN was changed.
    PinChanged,
    /// A lock began.
    Locked,
    /// A release was signed.
    Released,
    /// The account was closed.
    Closed,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::ChainBegun => "chainBegun",
            Self::ServiceInitialised => "serviceInitialised",
            Self::AuthoritiesMade => "authoritiesMade",
            Self::RelyingPartyAdded => "relyingPartyAdded",
            Self::RelyingPartyRemoved => "relyingPartyRemoved",
            Self::Invited => "invited",
            Self::EnrolmentBegun => "enrolmentBegun",
            Self::KeysRegistered => "keysRegistered",
            Self::Activated => "activated",
            Self::Signed => "signed",
            Self::Consented => "consented",
            Self::Refused => "refused",
            Self::NotStarted => "notStarted",
            Self::WrongPin => "wrongPin",
            Self::PinCounterSetBack => "pinCounterSetBack",
            Self::PinChanged => "pinChanged",
            Self::Locked => "locked",
            Self::Released => "released",
            Self::Closed => "closed",
        }
    }
}

/// A row to be written.
#[derive(Debug)]
#[must_use = "an entry is nothing until it is noted"]
pub struct Entry {
    action: Action,
    document_number: Option<String>,
    relying_party: Option<Uuid>,
    operator: Option<Operator>,
    detail: String,
}

/// A row that the next commit writes.
#[derive(Debug)]
pub(crate) struct Noted {
    entry: Entry,
    at: Timestamp,
}

impl Entry {
    /// Begins a row.
    pub fn new(action: Action, detail: impl Into<String>) -> Self {
        Self {
            action,
            document_number: None,
            relying_party: None,
            operator: None,
            detail: detail.into(),
        }
    }

    /// Whose account it concerns.
    pub fn account(mut self, document_number: &DocumentNumber) -> Self {
        self.document_number = Some(document_number.to_string());
        self
    }

    /// Which relying party it concerns.
    pub fn relying_party(mut self, relying_party: Uuid) -> Self {
        self.relying_party = Some(relying_party);
        self
    }

    /// Who did it, if a person on this machine did.
    pub fn by(mut self, operator: Operator) -> Self {
        self.operator = Some(operator);
        self
    }

    /// Has it written by the commit of the write from inside which this is called: both, or
    /// neither.
    pub fn note(self, at: Timestamp) -> Result<(), StoreError> {
        store::with_the_commit(Noted { entry: self, at })
    }
}

#[cfg(test)]
mod tests;
