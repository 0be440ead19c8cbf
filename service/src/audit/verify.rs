//! Whether the trail is as it was written.

use std::io::BufRead;

use futures_util::StreamExt;
use serde::Serialize;
use sqlx::{AnyConnection, Connection};
use symbolon_protocol::audit_chain::{Break, ChainHash, Position, Walk};

use super::begin::Earlier;
use super::row::{self, Row};
use crate::store::{Columns, Store, StoreError, parse};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// The last of them: to be noted elsewhere.
    pub head: Position,
    /// What does not hold, in words; the first hundred.
    pub breaks: Vec<String>,
}

/// Walks along the whole trail in the store, which should lead through `noted`.
pub async fn verify(store: &Store, noted: Option<ChainHash>) -> Result<Verified, StoreError> {
    let mut connection = store.reader().await?;
    // One snapshot: what is written meanwhile does not make head and rows differ.
    let mut snapshot = connection.begin().await?;
    let end = match head(&mut snapshot).await {
        Err(StoreError::Damaged(_)) => None,
        head => head?,
    };
    let mut walk = Walk::begin(Position::BEGINNING, noted);
    let mut rows = 0;
    let mut begun = None;
    let mut unreadable = Vec::new();
    {
        let mut stream = std::pin::pin!(row::all(&mut snapshot));
        while let Some(row) = stream.next().await {
            match row {
                Ok(row) => {
                    walk.step(row.sequence, &row.canonical(), row.hash);
                    begun.get_or_insert(row.detail);
                }
                Err(StoreError::Damaged(what)) => unreadable.push(format!("a row: {what}")),
                Err(error) => return Err(error),
            }
            rows += 1;
        }
    }
    let earlier = Earlier::read(&mut snapshot).await?.to_string();
    let mut verified = told(walk, rows, end);
    verified.breaks.extend(unreadable);
    if end.is_none() {
        verified
            .breaks
            .push("the note of the last row is gone or unreadable".into());
    }
    if begun.is_some_and(|begun| begun != earlier) {
        verified.breaks.push(format!(
            "the rows from before the chain are not what its first row tells of; there are {earlier}"
        ));
    }
    Ok(verified)
}

/// The same for an export. An export has no note of its end: what was cut off is found by `noted`
/// alone.
pub fn verify_export(lines: impl BufRead, noted: Option<ChainHash>) -> std::io::Result<Verified> {
    let mut walk = Walk::begin(Position::BEGINNING, noted);
    let mut rows = 0;
    let mut unreadable = Vec::new();
    for (number, line) in (1..).zip(lines.lines()) {
        match serde_json::from_str::<Row>(&line?) {
            Ok(row) => {
                rows += 1;
                walk.step(row.sequence, &row.canonical(), row.hash);
            }
            Err(error) => unreadable.push(format!("line {number} is no row: {error}")),
        }
    }
    let mut verified = told(walk, rows, None);
    verified.breaks.extend(unreadable);
    Ok(verified)
}

fn told(walk: Walk, rows: u64, end: Option<Position>) -> Verified {
    let (head, breaks) = walk.finish(end);
    Verified {
        rows,
        head,
        breaks: breaks.iter().map(Break::to_string).collect(),
    }
}

async fn head(connection: &mut AnyConnection) -> Result<Option<Position>, StoreError> {
    let row = sqlx::query("SELECT sequence, hash FROM audit_head WHERE singleton = 1")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Position {
        sequence: row::unsigned(row.number("sequence")?)?,
        hash: parse(&row.text("hash")?)?,
    }))
}
