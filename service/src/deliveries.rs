//! What a device is told, in the order of its own cursor, until it has acknowledged it.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use symbolon_protocol::device::events::{Event, NumberedEvent, Withdrawal};
use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::store::{Batch, Columns, Store, StoreError, parse};

/// Appends an event to what the account's device is told. To be announced after the commit.
pub async fn append(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    add(&mut batch, document_number, event, now)?;
    let [counted, _] = batch.run_as(connection).await?;
    match counted.changed {
        0 => Err(StoreError::from(sqlx::Error::RowNotFound)),
        _ => Ok(()),
    }
}

/// Adds the same to what is sent together, for an account that is there.
pub(crate) fn add(
    batch: &mut Batch,
    document_number: &DocumentNumber,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (kind, session, reason) = columns_of(event)?;
    batch
        .add("UPDATE account SET event_cursor = event_cursor + 1 WHERE document_number = $1")
        .bind(document_number.to_string());
    batch
        .add(
            "INSERT INTO delivery (document_number, cursor, kind, session, reason, created_at) \
             SELECT document_number, event_cursor, $2, $3, $4, $5 \
             FROM account WHERE document_number = $1",
        )
        .bind(document_number.to_string())
        .bind(kind)
        .bind(session.map(|session| session.to_string()))
        .bind(reason)
        .bind(now.milliseconds());
    Ok(())
}

/// What the device was not told yet: after `cursor`, or after what it acknowledged if the cursor is
/// none of ours (the store may have been restored). Offers that are over by now are left out.
pub async fn after(
    store: &Store,
    document_number: &DocumentNumber,
    cursor: Option<i64>,
) -> Result<Vec<NumberedEvent>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.cursor, d.kind, d.session, d.reason FROM delivery d \
         LEFT JOIN session s ON s.id = d.session \
         WHERE d.document_number = $1 AND d.cursor > \
           (SELECT CASE WHEN $2 <= a.event_cursor THEN $2 ELSE a.acknowledged_cursor END \
            FROM account a WHERE a.document_number = $1) \
         AND (d.kind <> 'offered' OR s.state = 'running') ORDER BY d.cursor",
    )
    .bind(document_number.to_string())
    .bind(cursor)
    .fetch_all(&mut *store.reader().await?)
    .await?;
    rows.iter().map(event_of).collect()
}

/// Notes that the device has handled everything up to `cursor`.
pub async fn acknowledge(
    store: &Store,
    document_number: DocumentNumber,
    cursor: i64,
) -> Result<(), StoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                // Never past what was sent, and never back.
                sqlx::query(
                    "UPDATE account SET acknowledged_cursor = $2 WHERE document_number = $1 \
                     AND acknowledged_cursor < $2 AND event_cursor >= $2",
                )
                .bind(document_number.to_string())
                .bind(cursor)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
}

/// Removes some of what no device needs to be told any more: `$1` is before when it was noted,
/// `$2` how many at most.
pub(crate) const PURGE: &str = "DELETE FROM delivery WHERE (document_number, cursor) IN \
     (SELECT d.document_number, d.cursor FROM delivery d \
      WHERE d.created_at < $1 AND (d.kind <> 'accountChanged' OR d.cursor <= \
       (SELECT a.acknowledged_cursor FROM account a \
        WHERE a.document_number = d.document_number)) LIMIT $2)";

type EventColumns = (&'static str, Option<Uuid>, Option<&'static str>);

fn columns_of(event: &Event) -> Result<EventColumns, StoreError> {
    match event {
        Event::Offered { transaction } => Ok(("offered", Some(*transaction), None)),
        Event::Withdrawn {
            transaction,
            reason,
        } => Ok((
            "withdrawn",
            Some(*transaction),
            Some(match reason {
                Withdrawal::AnsweredElsewhere => "answeredElsewhere",
                Withdrawal::Expired => "expired",
                Withdrawal::AccountUnusable => "accountUnusable",
            }),
        )),
        Event::AccountChanged {} => Ok(("accountChanged", None, None)),
        Event::Hello { .. } => Err(StoreError::Damaged("a greeting is not stored".into())),
    }
}

fn event_of(row: &AnyRow) -> Result<NumberedEvent, StoreError> {
    let transaction = || -> Result<Uuid, StoreError> {
        parse(&row.optional_text("session")?.unwrap_or_default())
    };
    let event = match row.text("kind")?.as_str() {
        "offered" => Event::Offered {
            transaction: transaction()?,
        },
        "withdrawn" => Event::Withdrawn {
            transaction: transaction()?,
            reason: match row.optional_text("reason")?.as_deref() {
                Some("answeredElsewhere") => Withdrawal::AnsweredElsewhere,
                Some("accountUnusable") => Withdrawal::AccountUnusable,
                _ => Withdrawal::Expired,
            },
        },
        "accountChanged" => Event::AccountChanged {},
        other => return Err(StoreError::Damaged(format!("event {other}"))),
    };
    Ok(NumberedEvent {
        cursor: row.number("cursor")?,
        event,
    })
}
