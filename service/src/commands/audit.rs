//! `symbolon-service audit`: the audit trail, for administrators and auditors.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt;
use serde_json::json;
use symbolon_protocol::audit_chain::ChainHash;
use symbolon_protocol::identifiers::DocumentNumber;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CommandError, print};
use crate::audit::{self, Row, Verified};
use crate::store::Store;

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List the newest rows, oldest of them first.
    List(ListArguments),
    /// Look whether a row is missing or was changed. Exits with 0 if the trail holds and 4 if not.
    ///
    /// Whoever can write the store can write the whole trail anew. Note the head that is printed
    /// in another place from time to time (the journal has that of each row, as audit_hash) and
    /// give it with --head: then the trail must lead through it.
    Verify(VerifyArguments),
    /// Print the whole trail, one JSON object a line; `verify --file` reads it.
    Export,
}

/// Which rows to list.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// How many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Only those of this account.
    #[arg(long, value_name = "DOCUMENT-NUMBER")]
    account: Option<DocumentNumber>,
}

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A head that was noted elsewhere; finds rows that were cut off at the end as well.
    #[arg(long, value_name = "HASH")]
    head: Option<ChainHash>,
    /// Verify this export instead of the store.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs a command and prints what came of it.
pub async fn run(command: AuditCommand, store: &Store, json: bool) -> Result<(), CommandError> {
    match command {
        AuditCommand::List(arguments) => {
            let rows = audit::newest(store, arguments.limit, arguments.account.as_ref()).await?;
            match json {
                true => print(&format!("{}\n", json!(rows))),
                false => print(&rows.iter().map(line_of).collect::<String>()),
            }
        }
        AuditCommand::Verify(arguments) => {
            let verified = match arguments.file {
                Some(path) => {
                    audit::verify_export(BufReader::new(File::open(path)?), arguments.head)?
                }
                None => audit::verify(store, arguments.head).await?,
            };
            match json {
                true => print(&format!("{}\n", json!(verified)))?,
                false => print(&as_text(&verified))?,
            }
            match verified.breaks.is_empty() {
                true => Ok(()),
                false => Err(CommandError::AuditBroken),
            }
        }
        AuditCommand::Export => export(store).await,
    }
}

async fn export(store: &Store) -> Result<(), CommandError> {
    let mut connection = store.reader().await?;
    let mut rows = std::pin::pin!(audit::all(&mut connection));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    while let Some(row) = rows.try_next().await? {
        serde_json::to_writer(&mut out, &row).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn line_of(row: &Row) -> String {
    let at = OffsetDateTime::from_unix_timestamp(row.at.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| row.at.to_string());
    let mut line = format!("{}  {at}  {}", row.sequence, row.action);
    for (name, value) in [
        ("account", &row.document_number),
        ("relying party", &row.relying_party),
        ("by", &row.operator),
    ] {
        if let Some(value) = value {
            line += &format!("  {name} {value}");
        }
    }
    if !row.detail.is_empty() {
        line += &format!("  {}", row.detail);
    }
    line.push('\n');
    line
}

fn as_text(verified: &Verified) -> String {
    let mut text = String::new();
    for found in &verified.breaks {
        text += &format!("BROKEN {found}\n");
    }
    text += &format!("{} rows, head {}\n", verified.rows, verified.head.hash);
    text
}
