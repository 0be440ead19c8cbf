//! The audit trail: one row for everything that changes what an account can do, or that it did,
//! and for everything that an administrator does. The rows are chained by hashes
//! ([`symbolon_protocol::audit_chain`]), and each goes to the journal when it is committed.

mod begin;
mod operator;
mod row;
mod verify;

use sqlx::AnyConnection;
use symbolon_protocol::audit_chain::Position;
use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::metrics;
use crate::store::{self, Columns, StoreError, parse};

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
#[must_use = "an entry is nothing until it is written"]
pub struct Entry {
    action: Action,
    document_number: Option<String>,
    relying_party: Option<Uuid>,
    operator: Option<Operator>,
    detail: String,
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

    /// Writes it, inside the transaction of what it tells of.
    pub async fn write(
        self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let head = take_head(connection).await?;
        let row = self.after(head, now);
        row.insert(connection).await?;
        sqlx::query("UPDATE audit_head SET hash = $1 WHERE singleton = 1")
            .bind(row.hash.to_string())
            .execute(connection)
            .await?;
        store::when_committed(move || {
            metrics::audited(&row.action);
            row.tell_journal();
        });
        Ok(())
    }

    fn after(self, head: Position, now: Timestamp) -> Row {
        let row = Row {
            sequence: head.sequence.saturating_add(1),
            at: now.milliseconds(),
            action: self.action.as_str().to_owned(),
            document_number: self.document_number,
            relying_party: self.relying_party.map(|uuid| uuid.to_string()),
            operator: self.operator.map(|operator| operator.to_string()),
            detail: self.detail,
            hash: head.hash,
        };
        let hash = head.hash.followed_by(&row.canonical());
        Row { hash, ..row }
    }
}

/// The last row. Counts one further at once: whoever else wants to write one waits from here on,
/// also where several transactions run beside each other.
async fn take_head(connection: &mut AnyConnection) -> Result<Position, StoreError> {
    let row = sqlx::query(
        "UPDATE audit_head SET sequence = sequence + 1 WHERE singleton = 1 \
         RETURNING sequence - 1 AS sequence, hash",
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| StoreError::Damaged("the head of the audit trail is gone".into()))?;
    Ok(Position {
        sequence: row::unsigned(row.number("sequence")?)?,
        hash: parse(&row.text("hash")?)?,
    })
}

#[cfg(test)]
mod tests;
