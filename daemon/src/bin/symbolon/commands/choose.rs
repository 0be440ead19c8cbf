//! Which transaction or account is meant, where the person did not say or said only the beginning.

use symbolon_daemon::bus::messages::{Accounts, PendingList, PendingTransaction};
use uuid::Uuid;

use super::standing::pin_name;
use super::{Session, codes, parse};
use crate::authentication::Authentication;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The transaction that is meant. `terminal`: whom to ask when several wait.
pub(super) async fn transaction(
    session: &Session,
    id: Option<&str>,
    terminal: Option<&Terminal>,
) -> Result<Uuid, Failure> {
    if let Some(id) = id.and_then(|id| id.parse().ok()) {
        return Ok(id);
    }
    let pending: PendingList = parse(&session.daemon.list_pending().await?)?;
    let mut candidates = pending.transactions;
    if let Some(beginning) = id {
        candidates.retain(|candidate| begins_with(candidate, beginning));
        return match candidates.as_slice() {
            [] => Err(Failure::new(
                Exit::NotFound,
                format!("no request begins with {beginning}; see: symbolon pending"),
            )),
            [one] => Ok(one.id),
            _ => Err(Failure::new(
                Exit::Usage,
                format!("several requests begin with {beginning}; give more of the ID"),
            )),
        };
    }
    match (candidates.as_slice(), terminal) {
        ([], _) => Err(Failure::new(
            Exit::NotFound,
            match pending.not_asked.first() {
                None => "nothing waits for your answer".to_owned(),
                Some(account) => format!(
                    "nothing is known to wait, but the service of {} could not be asked ({}); see: symbolon doctor",
                    account.document_number, account.detail
                ),
            },
        )),
        ([one], _) => Ok(one.id),
        (several, Some(terminal)) => ask_which(session, several, terminal).await,
        (_, None) => Err(Failure::new(
            Exit::Usage,
            "several requests wait; name one, see: symbolon pending",
        )),
    }
}

/// The account that is meant: the named one, or the only one.
pub(super) async fn account(
    session: &Session,
    document: Option<String>,
) -> Result<String, Failure> {
    if let Some(document) = document {
        return Ok(document);
    }
    let accounts: Accounts = parse(&session.daemon.list_accounts().await?)?;
    match accounts.accounts.as_slice() {
        [] => Err(Failure::new(
            Exit::NotFound,
            "there is no account on this machine; make one: symbolon enrol",
        )),
        [one] => Ok(one.document_number.to_string()),
        _ => Err(Failure::new(
            Exit::Usage,
            "there are several accounts; name the document number, see: symbolon accounts",
        )),
    }
}

/// An agent for whoever administers this account, where it is a group's: about others polkit is
/// not asked.
pub(super) async fn administrator_of(session: &Session, document: &str) -> Option<Authentication> {
    let reply = session.daemon.list_accounts().await.ok()?;
    let accounts: Accounts = parse(&reply).ok()?;
    let mut accounts = accounts.accounts.iter();
    accounts
        .find(|account| account.document_number.as_str() == document)?
        .group
        .as_ref()?;
    Some(Authentication::offer(session.bus.as_deref()).await)
}

/// `symbolon refuse`.
pub(super) async fn refuse(
    session: &Session,
    id: Option<String>,
    not_mine: bool,
) -> Result<Exit, Failure> {
    let id = transaction(session, id.as_deref(), Terminal::open().as_ref()).await?;
    let id = id.to_string();
    let said = if not_mine {
        session
            .authorised(async || session.daemon.disown(&id).await)
            .await?;
        "Refused. Whoever asked does not reach you for a while, and the service's operator is told."
    } else {
        session
            .authorised(async || session.daemon.refuse(&id).await)
            .await?;
        "Refused; the relying party is told."
    };
    if session.output.is_json() {
        session.output.reply("{}")?;
    } else {
        session.output.say(said)?;
    }
    Ok(Exit::Success)
}

async fn ask_which(
    session: &Session,
    candidates: &[PendingTransaction],
    terminal: &Terminal,
) -> Result<Uuid, Failure> {
    session.output.say("Several requests wait:")?;
    for (number, candidate) in (1..).zip(candidates) {
        session.output.say(&format!(
            "  {number}  {}  {}  {}  {}",
            codes::in_short(candidate).unwrap_or_else(|| "----".to_owned()),
            candidate.purpose.map_or("no PIN", pin_name),
            candidate.relying_party_name,
            candidate.text
        ))?;
    }
    loop {
        let question = format!("Which one (1 to {}): ", candidates.len());
        let answer = terminal.ask_openly(&question).await?;
        let chosen = answer
            .parse::<usize>()
            .ok()
            .and_then(|number| candidates.get(number.checked_sub(1)?));
        if let Some(chosen) = chosen {
            return Ok(chosen.id);
        }
    }
}

fn begins_with(transaction: &PendingTransaction, beginning: &str) -> bool {
    let beginning = beginning.to_ascii_lowercase();
    !beginning.is_empty() && transaction.id.to_string().starts_with(&beginning)
}
