//! `symbolon-service account`: the accounts, as an administrator sees them.

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::identifiers::DocumentNumber;

use super::{CommandError, print};
use crate::accounts::{Account, close};
use crate::clock::Timestamp;
use crate::sessions::note_outside_change;
use crate::store::{Columns, Store, StoreError};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// List all accounts.
    List,
    /// Close an account for good; its certificates are revoked.
    Close {
        /// Its document number.
        document_number: DocumentNumber,
    },
}

/// Runs a command and prints what came of it.
pub async fn run(command: AccountCommand, store: &Store, json: bool) -> Result<(), CommandError> {
    match command {
        AccountCommand::List => {
            let accounts = list(store).await?;
            let text = if json {
                format!("{}\n", json!(accounts))
            } else {
                accounts.iter().map(Listed::to_line).collect()
            };
            print(&text)
        }
        AccountCommand::Close { document_number } => {
            let closed = close_by_administrator(store, document_number.clone()).await?;
            if !closed {
                return Err(CommandError::NoSuch(format!("account {document_number}")));
            }
            if json {
                let told = json!({"documentNumber": document_number, "closed": true});
                print(&format!("{told}\n"))
            } else {
                print(&format!("closed {document_number}\n"))
            }
        }
    }
}

/// One account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    document_number: String,
    given_name: String,
    surname: String,
    level: String,
    device_name: String,
    state: String,
    closed: Option<String>,
    locked_until: Option<i64>,
    certificates_revoked: i64,
    expires_at: i64,
}

impl Listed {
    fn to_line(&self) -> String {
        let state = match (&self.closed, self.locked_until) {
            (Some(reason), _) => format!("closed ({reason})"),
            (None, Some(_)) => "locked".to_owned(),
            (None, None) => self.state.clone(),
        };
        format!(
            "{}  {} {}  on {}  {state}\n",
            self.document_number, self.given_name, self.surname, self.device_name
        )
    }
}

async fn list(store: &Store) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.document_number, a.given_name, a.surname, a.level, a.device_name, a.state, \
         a.closure, a.expires_at, \
         (SELECT MAX(l.until) FROM pin_lock l WHERE l.document_number = a.document_number \
          AND l.released_at IS NULL) AS locked_until, \
         (SELECT COUNT(*) FROM certificate c WHERE c.document_number = a.document_number \
          AND c.revoked_at IS NOT NULL) AS certificates_revoked \
         FROM account a ORDER BY a.created_at, a.document_number",
    )
    .fetch_all(&mut *store.reader().await?)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                document_number: row.text("document_number")?,
                given_name: row.text("given_name")?,
                surname: row.text("surname")?,
                level: row.text("level")?,
                device_name: row.text("device_name")?,
                state: row.text("state")?,
                closed: row.optional_text("closure")?,
                locked_until: row.optional_moment("locked_until")?.map(Timestamp::seconds),
                certificates_revoked: row.number("certificates_revoked")?,
                expires_at: row.moment("expires_at")?.seconds(),
            })
        })
        .collect()
}

/// Whether there is such an account; closing one twice changes nothing.
async fn close_by_administrator(
    store: &Store,
    document_number: DocumentNumber,
) -> Result<bool, StoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                if Account::load(connection, &document_number).await?.is_none() {
                    return Ok(false);
                }
                let reason = Closure::Administrator;
                close(connection, &document_number, reason, Timestamp::now()).await?;
                note_outside_change(connection).await?;
                Ok(true)
            })
        })
        .await
}
