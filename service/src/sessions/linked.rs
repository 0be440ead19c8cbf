//! Linked signatures: the one that a certificate choice by device link announced.
//!
//! The relying party needed the certificate before it could say what is to be signed. Whoever
//! agreed waits for that signature, and gets it without another link.

use std::time::Duration;

use sqlx::AnyConnection;
use symbolon_protocol::device::transaction::FlowType;
use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use super::{Session, Target};
use crate::clock::Timestamp;
use crate::store::{Columns, StoreError};

/// How long after the consent the signature may be asked for: the person waits for it, and the
/// relying party has nothing to do but to prepare the document.
const WITHIN: Duration = Duration::from_secs(60);

/// Notes, with the consent, that a signature is to follow. A choice that was pushed announces none.
pub async fn announce_linked(
    connection: &mut AnyConnection,
    choice: &Session,
    document_number: &DocumentNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    if choice.request.flow_type == FlowType::Notification {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO certificate_choice (session, relying_party, document_number, until) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(choice.id.to_string())
    .bind(choice.relying_party.to_string())
    .bind(document_number.to_string())
    .bind(now.plus(WITHIN).milliseconds())
    .execute(connection)
    .await?;
    Ok(())
}

/// How long the signature that a choice announced may still be asked for; none if it announced
/// none.
pub async fn linked_within(
    connection: &mut AnyConnection,
    choice: &Session,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    let row = sqlx::query("SELECT until FROM certificate_choice WHERE session = $1")
        .bind(choice.id.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(row.moment("until")?.remaining(now)))
}

/// Takes an announcement up for `signature`, in the transaction that begins it. False if the choice
/// is not this relying party's and this account's, was agreed to too long ago, or another signature
/// came before.
pub(super) async fn claim(
    connection: &mut AnyConnection,
    choice: &Uuid,
    relying_party: &Uuid,
    target: &Target,
    signature: &Uuid,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Target::Document(document_number) = target else {
        return Ok(false);
    };
    let claimed = sqlx::query(
        "UPDATE certificate_choice SET linked_session = $2 WHERE session = $1 \
         AND relying_party = $3 AND document_number = $4 AND until > $5 \
         AND linked_session IS NULL",
    )
    .bind(choice.to_string())
    .bind(signature.to_string())
    .bind(relying_party.to_string())
    .bind(document_number.to_string())
    .bind(now.milliseconds())
    .execute(connection)
    .await?
    .rows_affected();
    Ok(claimed == 1)
}
