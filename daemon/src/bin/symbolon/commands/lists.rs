//! `symbolon accounts`, `pending` and `status`: what is, in tables.

use symbolon_daemon::bus::messages::{
    Account, Accounts, Connection, DamagedAccount, NotAsked, PendingList, PendingTransaction,
    Status,
};
use symbolon_protocol::identifiers::KeyPurpose;

use super::standing::in_short;
use super::{Session, codes, parse};
use crate::exit::{Exit, Failure};
use crate::local_time::{length, moment};
use crate::output::{Output, complain};

pub(super) async fn accounts(session: &Session) -> Result<Exit, Failure> {
    let reply = session.daemon.list_accounts().await?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
        return Ok(Exit::Success);
    }
    let accounts: Accounts = parse(&reply)?;
    print_accounts(session.output, &accounts.accounts)?;
    complain_of_withheld(accounts.withheld.as_deref());
    for DamagedAccount { file, detail } in &accounts.damaged {
        complain(&format!(
            "the account file {file} is damaged ({detail}); see: symbolon doctor"
        ));
    }
    Ok(Exit::Success)
}

pub(super) async fn pending(session: &Session) -> Result<Exit, Failure> {
    let reply = session.daemon.list_pending().await?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
        return Ok(Exit::Success);
    }
    let pending: PendingList = parse(&reply)?;
    if pending.transactions.is_empty() {
        session.output.say("Nothing waits for your answer.")?;
    } else {
        let rows: Vec<_> = pending
            .transactions
            .iter()
            .map(|transaction| {
                [
                    transaction.id.to_string(),
                    codes::in_short(transaction).unwrap_or_default(),
                    wish(transaction),
                    length(transaction.expires_in_seconds),
                    transaction.relying_party_name.clone(),
                    transaction.text.clone(),
                ]
            })
            .collect();
        let heading = ["ID", "CODE", "WANTS", "TIME LEFT", "WHO", "TEXT"];
        session.output.table(heading, &rows)?;
    }
    complain_of_not_asked(&pending.not_asked);
    complain_of_withheld(pending.withheld.as_deref());
    Ok(Exit::Success)
}

/// Says why a group's accounts are left out, on standard error.
pub(super) fn complain_of_withheld(why: Option<&str>) {
    if let Some(why) = why {
        complain(&format!("accounts of your groups are left out: {why}"));
    }
}

/// What is wanted, by which PIN, and how many approved where several must.
pub(super) fn wish(transaction: &PendingTransaction) -> String {
    let wish = match transaction.purpose {
        Some(KeyPurpose::Authentication) => "login (PIN1)",
        Some(KeyPurpose::Signing) => "signature (PIN2)",
        None => "certificate (no PIN)",
    };
    match &transaction.approvals {
        Some(approvals) => format!(
            "{wish}, {} of {} approvals",
            approvals.given.len(),
            approvals.needed
        ),
        None => wish.to_owned(),
    }
}

/// Says whose service was not asked, on standard error.
pub(super) fn complain_of_not_asked(not_asked: &[NotAsked]) {
    for account in not_asked {
        complain(&format!(
            "the service of {} could not be asked ({}); see: symbolon doctor",
            account.document_number, account.detail
        ));
    }
}

pub(super) async fn status(session: &Session) -> Result<Exit, Failure> {
    let reply = session.daemon.status().await?;
    let output = session.output;
    if output.is_json() {
        output.reply(&reply)?;
        return Ok(Exit::Success);
    }
    let status: Status = parse(&reply)?;
    output.say(&format!("symbolond {}", status.version))?;
    output.say(&match status.subscribers {
        0 => "No agent of yours is told about requests; see: symbolon pending".to_owned(),
        1 => "Your agent is told about requests.".to_owned(),
        several => format!("{several} programs of yours are told about requests."),
    })?;
    output.say("")?;
    let rows: Vec<_> = status
        .services
        .into_iter()
        .map(|service| [service.name, service.url])
        .collect();
    output.table(["SERVICE", "URL"], &rows)?;
    output.say("")?;
    print_accounts(output, &status.accounts)?;
    Ok(Exit::Success)
}

fn print_accounts(output: Output, accounts: &[Account]) -> Result<(), Failure> {
    if accounts.is_empty() {
        output.say("There is no account on this machine; make one: symbolon enrol")?;
        return Ok(());
    }
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            [
                account.document_number.to_string(),
                name(account),
                format!("{:?}", account.level).to_uppercase(),
                in_short(account.pin1),
                in_short(account.pin2),
                connection(&account.connection),
            ]
        })
        .collect();
    let heading = ["DOCUMENT", "NAME", "LEVEL", "PIN1", "PIN2", "SERVICE"];
    output.table(heading, &rows)?;
    Ok(())
}

fn name(account: &Account) -> String {
    let name = format!("{} {}", account.given_name, account.surname);
    match &account.group {
        Some(group) => format!("{name} (group {group})"),
        None => name,
    }
}

fn connection(connection: &Connection) -> String {
    match connection {
        Connection::Connected { since, long_poll } => {
            let way = if *long_poll { " (long poll)" } else { "" };
            format!("connected since {}{way}", moment(*since))
        }
        Connection::Connecting {} => "connecting".to_owned(),
        Connection::Disconnected { detail } => format!("not connected: {detail}"),
        Connection::Ended { detail } => format!("ended: {detail}"),
    }
}
