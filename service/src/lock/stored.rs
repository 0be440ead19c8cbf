//! Locks as rows, one for each PIN.

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};

use super::HeldLock;
use crate::clock::Timestamp;
use crate::store::{Columns, StoreError};

/// The lock that is held for a PIN, released or not.
pub(super) async fn load(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
) -> Result<Option<HeldLock>, StoreError> {
    let row = sqlx::query(
        "SELECT reached_limit, until, released_at FROM pin_lock \
         WHERE document_number = $1 AND purpose = $2",
    )
    .bind(document_number.to_string())
    .bind(purpose.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(HeldLock {
        reached_limit: u32::try_from(row.number("reached_limit")?)
            .map_err(|error| StoreError::Damaged(error.to_string()))?,
        until: row.moment("until")?,
        released_at: row.optional_moment("released_at")?,
    }))
}

/// Begins a lock, in the place of one that was held for the PIN before.
pub(super) async fn begin(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
    reached_limit: u32,
    since: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO pin_lock (document_number, purpose, reached_limit, since, until) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (document_number, purpose) DO UPDATE SET \
         reached_limit = excluded.reached_limit, since = excluded.since, \
         until = excluded.until, released_at = NULL",
    )
    .bind(document_number.to_string())
    .bind(purpose.as_str())
    .bind(i64::from(reached_limit))
    .bind(since.milliseconds())
    .bind(until.milliseconds())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a release is about to be signed.
pub(super) async fn mark_released(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE pin_lock SET released_at = COALESCE(released_at, $3) \
         WHERE document_number = $1 AND purpose = $2",
    )
    .bind(document_number.to_string())
    .bind(purpose.as_str())
    .bind(now.milliseconds())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a released lock, because its PIN was entered rightly: that cleared the count in the
/// hardware, so whatever comes next is a lock of its own. One that was not released stays.
pub async fn begin_ladder_anew(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM pin_lock WHERE document_number = $1 AND purpose = $2 \
         AND released_at IS NOT NULL",
    )
    .bind(document_number.to_string())
    .bind(purpose.as_str())
    .execute(connection)
    .await?;
    Ok(())
}
