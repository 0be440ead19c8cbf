//! The audit trail: one row for everything that changes what an account can do, or that it did.

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::DocumentNumber;

use crate::clock::Timestamp;
use crate::store::StoreError;

/// What happened. The detail of each is public: no secrets, no texts of relying parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
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
    /// A transaction was refused on the device.
    Refused,
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
            Self::Invited => "invited",
            Self::EnrolmentBegun => "enrolmentBegun",
            Self::KeysRegistered => "keysRegistered",
            Self::Activated => "activated",
            Self::Signed => "signed",
            Self::Refused => "refused",
            Self::PinChanged => "pinChanged",
            Self::Locked => "locked",
            Self::Released => "released",
            Self::Closed => "closed",
        }
    }
}

/// Writes a row, inside the transaction of what it tells of.
pub async fn write(
    connection: &mut AnyConnection,
    document_number: Option<&DocumentNumber>,
    action: Action,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (at, document_number, action, detail) VALUES ($1, $2, $3, $4)")
        .bind(now.milliseconds())
        .bind(document_number.map(ToString::to_string))
        .bind(action.as_str())
        .bind(detail)
        .execute(connection)
        .await?;
    Ok(())
}
