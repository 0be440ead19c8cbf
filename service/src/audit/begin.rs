//! The chain's first row, and the rows that are older than the chain.

use std::fmt;

use futures_util::TryStreamExt;
use sqlx::AnyConnection;
use symbolon_protocol::audit_chain::{CanonicalRow, ChainHash};

use super::{Action, Entry};
use crate::clock::Timestamp;
use crate::store::{Columns, StoreError};

/// Rows from before there was a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Earlier {
    rows: u64,
    digest: ChainHash,
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} earlier rows, digest {}", self.rows, self.digest)
    }
}

impl Earlier {
    /// They have no numbers; those that are alike in everything are alike in any order.
    pub(super) async fn read(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let mut rows = sqlx::query(
            "SELECT * FROM audit_before_chain ORDER BY at, action, detail, document_number",
        )
        .fetch(connection);
        let mut read = Self {
            rows: 0,
            digest: ChainHash::BEGINNING,
        };
        while let Some(row) = rows.try_next().await? {
            read.rows += 1;
            let canonical = CanonicalRow::new("symbolon-service audit before the chain", read.rows)
                .number(row.number("at")?)
                .text(&row.text("action")?)
                .optional_text(row.optional_text("document_number")?.as_deref())
                .text(&row.text("detail")?);
            read.digest = read.digest.followed_by(&canonical);
        }
        Ok(read)
    }
}

/// Begins the chain, if it has not begun.
pub(crate) async fn begin(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let head = sqlx::query("SELECT sequence FROM audit_head WHERE singleton = 1")
        .fetch_optional(&mut *connection)
        .await?;
    match head.map(|row| row.number("sequence")).transpose()? {
        Some(0) => {
            let earlier = Earlier::read(connection).await?;
            Entry::new(Action::ChainBegun, earlier.to_string()).note(Timestamp::now())
        }
        // A head that is gone is for whoever writes or verifies to find.
        Some(_) | None => Ok(()),
    }
}
