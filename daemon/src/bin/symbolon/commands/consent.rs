//! `symbolon approve` where nothing is to be signed: yes or no, and no PIN.

use symbolon_daemon::bus::messages::PendingTransaction;

use super::Session;
use super::ends::Ends;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Agrees if `agreed` already, or else if the person says so.
pub(super) async fn run(
    session: &Session,
    transaction: &PendingTransaction,
    agreed: bool,
    terminal: Option<&Terminal>,
    ends: Option<Ends>,
) -> Result<Exit, Failure> {
    let id = transaction.id.to_string();
    if !agreed {
        ask(&id, terminal, ends).await?;
    }
    let reply = session
        .authorised(async || session.daemon.consent(&id).await)
        .await?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
    } else {
        session.output.say("Agreed. Nothing was signed.")?;
    }
    Ok(Exit::Success)
}

async fn ask(id: &str, terminal: Option<&Terminal>, mut ends: Option<Ends>) -> Result<(), Failure> {
    let Some(terminal) = terminal else {
        return Err(Failure::new(
            Exit::Usage,
            "only the certificate is asked for, and nobody is here to agree; to agree without a question: --consent",
        ));
    };
    let end = Ends::against(ends.as_mut(), id);
    let answer = terminal
        .ask_openly_unless("Let them know it? No PIN is needed. [y/N] ", end)
        .await?;
    if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        "nothing was agreed to; to decline: symbolon refuse",
    ))
}
