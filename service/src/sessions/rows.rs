//! Sessions as rows.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use symbolon_protocol::device::transaction::Transaction;
use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use super::{EndResult, SessionRequest, SessionResult};
use crate::clock::Timestamp;
use crate::store::{Columns, StoreError, parse};

/// The columns of [`Session`], for queries that join it as `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.relying_party, s.request, s.offered, s.created_at, s.expires_at, \
         s.completed_at, s.result"
    };
}
pub(crate) use session_columns;

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Names it, towards relying party and devices alike.
    pub id: Uuid,
    /// Who asked.
    pub relying_party: Uuid,
    /// What was asked.
    pub request: SessionRequest,
    /// Whose devices were asked.
    pub offered: Vec<DocumentNumber>,
    /// When.
    pub created_at: Timestamp,
    /// Until when an answer is of use.
    pub expires_at: Timestamp,
    /// Whether it is over, and how it ended.
    pub state: SessionState,
}

/// Whether a session is over.
#[derive(Debug, Clone)]
pub enum SessionState {
    /// It waits for a device.
    Running,
    /// It is over.
    Complete {
        /// Since when.
        since: Timestamp,
        /// How it ended.
        result: Box<SessionResult>,
    },
}

impl Session {
    /// Reads one by its name.
    pub async fn load(
        connection: &mut AnyConnection,
        id: &Uuid,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM session s WHERE s.id = $1"
        ))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
        row.as_ref().map(Self::from_row).transpose()
    }

    /// Reads one from a row of [`session_columns`].
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let state = match row.optional_text("result")? {
            None => SessionState::Running,
            Some(result) => SessionState::Complete {
                since: row
                    .optional_moment("completed_at")?
                    .ok_or_else(|| StoreError::Damaged("a result without its time".into()))?,
                result: Box::new(from_json(&result)?),
            },
        };
        Ok(Self {
            id: parse(&row.text("id")?)?,
            relying_party: parse(&row.text("relying_party")?)?,
            request: from_json(&row.text("request")?)?,
            offered: from_json(&row.text("offered")?)?,
            created_at: row.moment("created_at")?,
            expires_at: row.moment("expires_at")?,
            state,
        })
    }

    /// Whether it waits for a device, by the store's last word; its time may be over nonetheless.
    pub fn is_running(&self) -> bool {
        matches!(self.state, SessionState::Running)
    }

    /// As it stands once it ended so.
    pub(crate) fn ended(self, result: SessionResult, since: Timestamp) -> Self {
        Self {
            state: SessionState::Complete {
                since,
                result: Box::new(result),
            },
            ..self
        }
    }

    /// How it ended, if it did.
    pub fn end_result(&self) -> Option<EndResult> {
        match &self.state {
            SessionState::Running => None,
            SessionState::Complete { result, .. } => Some(result.end_result),
        }
    }

    /// As the device that holds `document_number` gets it.
    pub fn transaction_for(&self, document_number: &DocumentNumber) -> Transaction {
        self.request
            .transaction(self.id, document_number, self.created_at, self.expires_at)
    }

    /// Whether its time is over.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(error.to_string()))
}
