//! `symbolon history`.

use symbolon_daemon::bus::messages::{History, HistoryEntry, HistoryEvent, User};
use symbolon_protocol::identifiers::KeyPurpose;

use super::standing::pin_name;
use super::{Session, choose, parse, record};
use crate::arguments::History as Wishes;
use crate::exit::{Exit, Failure};
use crate::local_time::moment;

pub(super) async fn run(session: &Session, wishes: Wishes) -> Result<Exit, Failure> {
    let document = choose::account(session, wishes.document).await?;
    if wishes.export {
        return record::export(session, &document).await;
    }
    if wishes.verify {
        return record::verify(session, &document, wishes.head).await;
    }
    let reply = session.daemon.history(&document, wishes.limit).await?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
        return Ok(Exit::Success);
    }
    let history: History = parse(&reply)?;
    if history.entries.is_empty() {
        session.output.say("Nothing happened yet.")?;
        return Ok(Exit::Success);
    }
    let rows: Vec<_> = history.entries.iter().map(row).collect();
    session
        .output
        .table(["WHEN", "WHAT", "BY", "CODE", "WHO", "ABOUT"], &rows)?;
    Ok(Exit::Success)
}

fn row(entry: &HistoryEntry) -> [String; 6] {
    let what = match entry.purpose {
        Some(purpose) => format!("{} ({})", words(entry.event), pin_name(purpose)),
        None => words(entry.event).to_owned(),
    };
    let is_bare_login = entry.purpose == Some(KeyPurpose::Authentication) && entry.digest.is_some();
    let about = [
        entry.text.as_deref(),
        is_bare_login.then_some("older kind of login, over a hash"),
        entry.detail.as_deref(),
    ];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    [
        moment(entry.at),
        what,
        by(entry),
        entry.verification_code.clone().unwrap_or_default(),
        entry.relying_party_name.clone().unwrap_or_default(),
        about.join(" - "),
    ]
}

fn by(entry: &HistoryEntry) -> String {
    let people = entry.by.iter().chain(&entry.agreed);
    people.map(User::to_string).collect::<Vec<_>>().join(", ")
}

fn words(event: HistoryEvent) -> &'static str {
    match event {
        HistoryEvent::Enrolled => "enrolled",
        HistoryEvent::Approved => "approved",
        HistoryEvent::Agreed => "agreed",
        HistoryEvent::Consented => "certificate given",
        HistoryEvent::Refused => "refused",
        HistoryEvent::Disowned => "refused as not mine",
        HistoryEvent::RefusedByDevice => "refused by the device",
        HistoryEvent::Expired => "expired",
        HistoryEvent::AnsweredElsewhere => "answered elsewhere",
        HistoryEvent::WrongCode => "wrong code",
        HistoryEvent::WrongPin => "wrong PIN",
        HistoryEvent::Locked => "locked",
        HistoryEvent::Released => "released",
        HistoryEvent::PinChanged => "PIN changed",
        HistoryEvent::Closed => "closed",
        HistoryEvent::ChainBegun => "history chained from here",
        HistoryEvent::Shortened => "older entries dropped",
    }
}
