//! The last accepted confirmation of an account, for a byte-identical retry.

use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::Confirmed;

use crate::accounts::{Account, DeviceFingerprint, account_columns};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::{Columns, StoreError};

/// A device's account and what it was last answered, read together.
pub(super) struct Remembered {
    pub(super) account: Account,
    pub(super) last: Option<StoredAnswer>,
}

pub(super) struct StoredAnswer {
    pub(super) request_hash: String,
    reply: String,
}

impl StoredAnswer {
    pub(super) fn reply(&self) -> Result<Confirmed, Refusal> {
        let reply = serde_json::from_str(&self.reply)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(reply)
    }
}

pub(super) async fn remembered(
    service: &Service,
    device: &DeviceFingerprint,
) -> Result<Remembered, Refusal> {
    let row = sqlx::query(concat!(
        "SELECT ",
        account_columns!(),
        ", c.request_hash, c.reply FROM account a \
         LEFT JOIN confirmation c ON c.document_number = a.document_number \
         WHERE a.device_key = $1"
    ))
    .bind(device.to_string())
    .fetch_optional(service.store.readers())
    .await
    .map_err(StoreError::from)?
    .ok_or_else(|| {
        Refusal::new(
            ProblemCode::UnknownDevice,
            "this device's certificate belongs to no account",
        )
    })?;
    let last = match (
        row.optional_text("request_hash")?,
        row.optional_text("reply")?,
    ) {
        (Some(request_hash), Some(reply)) => Some(StoredAnswer {
            request_hash,
            reply,
        }),
        _ => None,
    };
    Ok(Remembered {
        account: Account::from_row(&row)?,
        last,
    })
}
