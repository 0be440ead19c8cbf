//! What a confirmation is held against: the account, the session, and the last accepted
//! confirmation, for a byte-identical retry.

use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::Confirmed;

use uuid::Uuid;

use crate::accounts::{Account, DeviceFingerprint, account_columns};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::{Session, session_columns};
use crate::store::{Columns, StoreError};

/// A device's account, what it was last answered, and the session that it speaks of, read together.
pub(super) struct Remembered {
    pub(super) account: Account,
    pub(super) last: Option<StoredAnswer>,
    /// Only if it was offered to the account.
    pub(super) session: Option<Session>,
}

pub(super) struct StoredAnswer {
    pub(super) request_hash: String,
    /// JSON.
    pub(super) reply: String,
}

impl StoredAnswer {
    pub(super) fn answers(&self, request_hash: &str) -> bool {
        self.request_hash == request_hash
    }

    pub(super) fn reply(&self) -> Result<Confirmed, Refusal> {
        let reply = serde_json::from_str(&self.reply)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(reply)
    }
}

pub(super) async fn remembered(
    service: &Service,
    device: &DeviceFingerprint,
    transaction: &Uuid,
) -> Result<Remembered, Refusal> {
    let row = sqlx::query(concat!(
        "SELECT ",
        account_columns!(),
        ", a.answered_hash, a.answer, ",
        session_columns!(),
        " FROM account a \
         LEFT JOIN session s ON s.id = $2 \
         WHERE a.device_key = $1"
    ))
    .bind(device.to_string())
    .bind(transaction.to_string())
    .fetch_optional(&mut *service.store.reader().await?)
    .await
    .map_err(StoreError::from)?
    .ok_or_else(|| {
        Refusal::new(
            ProblemCode::UnknownDevice,
            "this device's certificate belongs to no account",
        )
    })?;
    let last = match (
        row.optional_text("answered_hash")?,
        row.optional_text("answer")?,
    ) {
        (Some(request_hash), Some(reply)) => Some(StoredAnswer {
            request_hash,
            reply,
        }),
        _ => None,
    };
    let account = Account::from_row(&row)?;
    let session = match row.optional_text("id")? {
        Some(_) => Some(Session::from_row(&row)?),
        None => None,
    };
    Ok(Remembered {
        last,
        session: session.filter(|session| session.offered.contains(&account.document_number)),
        account,
    })
}
