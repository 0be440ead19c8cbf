//! Writing rows behind the last one: all that one commit brings, at once.

use sqlx::AnyConnection;
use symbolon_protocol::audit_chain::Position;

use super::Noted;
use super::row::{Row, damaged, unsigned};
use crate::store::{Batch, Columns, StoreError, parse};

/// Adds rows to the last statements before a commit, `batch`; what they become. They are told of
/// ([`Row::tell`]) when it is committed.
pub(crate) async fn append(
    connection: &mut AnyConnection,
    batch: &mut Batch,
    noted: Vec<Noted>,
) -> Result<Vec<Row>, StoreError> {
    if noted.is_empty() {
        return Ok(Vec::new());
    }
    let mut head = take_head(connection, noted.len()).await?;
    let rows: Vec<Row> = noted
        .into_iter()
        .map(|each| {
            let row = each.after(head);
            head = Position {
                sequence: row.sequence,
                hash: row.hash,
            };
            row
        })
        .collect();
    let mut chunks = rows.chunks(ROWS_AT_ONCE).peekable();
    while let Some(some) = chunks.next() {
        if chunks.peek().is_some() {
            let mut full = Batch::default();
            insert(&mut full, some)?;
            full.run(connection).await?;
        } else {
            insert(batch, some)?;
        }
    }
    batch
        .add("UPDATE audit_head SET hash = $1 WHERE singleton = 1")
        .bind(head.hash.to_string());
    Ok(rows)
}

impl Noted {
    fn after(self, head: Position) -> Row {
        let Self { entry, at } = self;
        let row = Row {
            sequence: head.sequence.saturating_add(1),
            at: at.milliseconds(),
            action: entry.action.as_str().to_owned(),
            document_number: entry.document_number,
            relying_party: entry.relying_party.map(|uuid| uuid.to_string()),
            operator: entry.operator.map(|operator| operator.to_string()),
            detail: entry.detail,
            hash: head.hash,
        };
        let hash = head.hash.followed_by(&row.canonical());
        Row { hash, ..row }
    }
}

/// The last row. Counts on at once: whoever else wants to write one waits from here on, also where
/// several transactions run beside each other.
async fn take_head(connection: &mut AnyConnection, rows: usize) -> Result<Position, StoreError> {
    let row = sqlx::query(
        "UPDATE audit_head SET sequence = sequence + $1 WHERE singleton = 1 \
         RETURNING sequence - $1 AS sequence, hash",
    )
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| StoreError::Damaged("the head of the audit trail is gone".into()))?;
    Ok(Position {
        sequence: unsigned(row.number("sequence")?)?,
        hash: parse(&row.text("hash")?)?,
    })
}

/// Few enough for the parameters that a statement may have, many enough for a busy commit.
const ROWS_AT_ONCE: usize = 16;
const COLUMNS: usize = 8;

fn insert(batch: &mut Batch, rows: &[Row]) -> Result<(), StoreError> {
    batch.add(&insertion_of(rows.len()));
    for row in rows {
        batch
            .bind(i64::try_from(row.sequence).map_err(damaged)?)
            .bind(row.at)
            .bind(row.action.as_str())
            .bind(row.document_number.as_deref())
            .bind(row.relying_party.as_deref())
            .bind(row.operator.as_deref())
            .bind(row.detail.as_str())
            .bind(row.hash.to_string());
    }
    Ok(())
}

/// Nothing but numbers is put into the text, so that there are few different ones.
fn insertion_of(rows: usize) -> String {
    let row = |number: usize| {
        let places = (1..=COLUMNS).map(|column| format!("${}", number * COLUMNS + column));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    };
    format!(
        "INSERT INTO audit (sequence, at, action, document_number, relying_party, operator, \
         detail, hash) VALUES {}",
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    )
}
