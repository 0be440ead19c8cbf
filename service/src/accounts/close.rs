//! Closing an account: for good, with both certificates revoked.

use sqlx::AnyConnection;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::identifiers::DocumentNumber;

use crate::audit::{Action, Entry, Operator};
use crate::clock::Timestamp;
use crate::deliveries;
use crate::sessions::{self, Session};
use crate::store::StoreError;

/// Closes the account, revokes its certificates, ends what only it could answer and tells its
/// device, all in the caller's transaction. Returns what to announce; nothing if it was closed
/// before.
pub async fn close(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    closure: Closure,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let closed = sqlx::query(
        "UPDATE account SET state = 'closed', closure = $2, closed_at = $3 \
         WHERE document_number = $1 AND state <> 'closed'",
    )
    .bind(document_number.to_string())
    .bind(name_of(closure))
    .bind(now.milliseconds())
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if closed == 0 {
        return Ok(Vec::new());
    }
    sqlx::query(
        "UPDATE certificate SET revoked_at = $2, revocation_reason = $3 \
         WHERE document_number = $1 AND revoked_at IS NULL",
    )
    .bind(document_number.to_string())
    .bind(now.milliseconds())
    .bind(revocation_reason(closure))
    .execute(&mut *connection)
    .await?;
    let cancelled = sessions::cancel_for(connection, document_number, now).await?;
    deliveries::append(connection, document_number, &Event::AccountChanged {}, now).await?;
    let mut entry = Entry::new(Action::Closed, name_of(closure)).account(document_number);
    if closure == Closure::Administrator {
        entry = entry.by(Operator::of_this_process());
    }
    entry.note(now)?;
    Ok(cancelled)
}

fn name_of(closure: Closure) -> &'static str {
    match closure {
        Closure::Lockout => "lockout",
        Closure::Clone => "clone",
        Closure::Owner => "owner",
        Closure::Administrator => "administrator",
    }
}

/// RFC 5280 section 5.3.1.
fn revocation_reason(closure: Closure) -> &'static str {
    match closure {
        Closure::Clone => "keyCompromise",
        Closure::Lockout | Closure::Administrator => "privilegeWithdrawn",
        Closure::Owner => "cessationOfOperation",
    }
}
