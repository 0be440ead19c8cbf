//! `symbolon history --export` and `--verify`: the record as a whole. It is verified here, not by
//! the daemon that wrote it.

use std::path::Path;

use symbolon_daemon::accounts::{VerifiedHistory, verify_history};
use symbolon_daemon::bus::messages::HistoryRecord;
use symbolon_protocol::audit_chain::ChainHash;

use super::{Session, parse};
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(super) async fn export(session: &Session, document: &str) -> Result<Exit, Failure> {
    for line in record_of(session, document).await?.lines() {
        session.output.reply(line)?;
    }
    Ok(Exit::Success)
}

pub(super) async fn verify(
    session: &Session,
    document: &str,
    head: Option<ChainHash>,
) -> Result<Exit, Failure> {
    let record = record_of(session, document).await?;
    tell(session.output, &verify_history(record.as_bytes(), head))
}

pub(super) fn verify_file(
    file: &Path,
    head: Option<ChainHash>,
    output: Output,
) -> Result<Exit, Failure> {
    tell(output, &verify_history(&std::fs::read(file)?, head))
}

async fn record_of(session: &Session, document: &str) -> Result<String, Failure> {
    let reply = session.daemon.export_history(document).await?;
    Ok(parse::<HistoryRecord>(&reply)?.record)
}

fn tell(output: Output, verified: &VerifiedHistory) -> Result<Exit, Failure> {
    if output.is_json() {
        let json = serde_json::to_string(verified).map_err(std::io::Error::from)?;
        output.reply(&json)?;
    } else {
        for found in &verified.breaks {
            output.say(&format!("BROKEN {found}"))?;
        }
        for note in &verified.notes {
            output.say(&format!("note   {note}"))?;
        }
        let (entries, head) = (verified.entries, verified.head.hash);
        output.say(&format!("{entries} entries, head {head}"))?;
    }
    match verified.breaks.is_empty() {
        true => Ok(Exit::Success),
        false => Ok(Exit::HistoryBroken),
    }
}
