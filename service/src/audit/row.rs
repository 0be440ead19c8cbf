//! A row of the trail: in the store, in an export, as it is hashed, and in the journal.

use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use symbolon_protocol::audit_chain::{CanonicalRow, ChainHash};
use symbolon_protocol::identifiers::DocumentNumber;

use crate::metrics;
use crate::store::{Columns, Store, StoreError, parse};

/// What the trail is called in its hashes.
const RECORD: &str = "symbolon-service audit";

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// Its number, from 1.
    pub sequence: u64,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// What happened.
    pub action: String,
    /// Whose account it concerns.
    pub document_number: Option<String>,
    /// Which relying party it concerns.
    pub relying_party: Option<String>,
    /// Who did it, if a person on the service's machine did.
    pub operator: Option<String>,
    /// More about it.
    pub detail: String,
    /// Its place in the chain.
    pub hash: ChainHash,
}

impl Row {
    /// What its hash is made of, beside the hash before it.
    pub fn canonical(&self) -> CanonicalRow {
        CanonicalRow::new(RECORD, self.sequence)
            .number(self.at)
            .text(&self.action)
            .optional_text(self.document_number.as_deref())
            .optional_text(self.relying_party.as_deref())
            .optional_text(self.operator.as_deref())
            .text(&self.detail)
    }

    /// Tells of it, when it is committed. The journal is the place outside of the store where the
    /// chain's hashes are noted.
    pub(crate) fn tell(&self) {
        metrics::audited(&self.action);
        tracing::info!(
            event = self.action,
            account = self.document_number,
            relying_party = self.relying_party,
            operator = self.operator,
            audit_sequence = self.sequence,
            audit_hash = %self.hash,
            "{}",
            self.detail
        );
    }

    fn from_store(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: unsigned(row.number("sequence")?)?,
            at: row.number("at")?,
            action: row.text("action")?,
            document_number: row.optional_text("document_number")?,
            relying_party: row.optional_text("relying_party")?,
            operator: row.optional_text("operator")?,
            detail: row.text("detail")?,
            hash: parse(&row.text("hash")?)?,
        })
    }
}

/// All rows in their order, one at a time: there may be more than fit into memory.
pub fn all(connection: &mut AnyConnection) -> impl Stream<Item = Result<Row, StoreError>> + Send {
    sqlx::query("SELECT * FROM audit ORDER BY sequence")
        .fetch(connection)
        .map(|row| Row::from_store(&row?))
}

/// The newest rows, oldest of them first; of one account, if one is named.
pub async fn newest(
    store: &Store,
    limit: u32,
    document_number: Option<&DocumentNumber>,
) -> Result<Vec<Row>, StoreError> {
    let query = match document_number {
        None => sqlx::query("SELECT * FROM audit ORDER BY sequence DESC LIMIT $1"),
        Some(_) => sqlx::query(
            "SELECT * FROM audit WHERE document_number = $2 ORDER BY sequence DESC LIMIT $1",
        ),
    };
    let mut query = query.bind(i64::from(limit));
    if let Some(number) = document_number {
        query = query.bind(number.to_string());
    }
    let rows = query.fetch_all(&mut *store.reader().await?).await?;
    rows.iter().rev().map(Row::from_store).collect()
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(damaged)
}

pub(super) fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("the audit trail's numbers: {error}"))
}
