//! `symbolon approve` where other members of the group must still approve: yes or no, and no PIN.

use symbolon_daemon::bus::messages::{ApprovalBegun, Approvals};

use super::ends::Ends;
use super::{Session, parse};
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Agrees if `agreed` already, or else if the person says so.
pub(super) async fn run(
    session: &Session,
    begun: &ApprovalBegun,
    agreed: bool,
    terminal: Option<&Terminal>,
    ends: Option<&mut Ends>,
) -> Result<(), Failure> {
    let id = begun.transaction.id.to_string();
    if !agreed {
        ask(&id, begun.others_missing, terminal, ends).await?;
    }
    let reply = session
        .authorised(async || session.daemon.agree(&id).await)
        .await?;
    if session.output.is_json() {
        session.output.reply(&reply)?;
        return Ok(());
    }
    let Approvals { needed, given } = parse(&reply)?;
    session.output.say(&format!(
        "Agreed: {} of {needed} approvals. Nothing is signed before the last of them, with the PIN.",
        given.len()
    ))?;
    Ok(())
}

async fn ask(
    id: &str,
    others: u8,
    terminal: Option<&Terminal>,
    ends: Option<&mut Ends>,
) -> Result<(), Failure> {
    let others = match others {
        1 => "another member of the group".to_owned(),
        several => format!("{several} other members of the group"),
    };
    let Some(terminal) = terminal else {
        return Err(Failure::new(
            Exit::NotAuthorized,
            format!(
                "{others} must approve as well before a PIN is of use; to agree without a question: --consent"
            ),
        ));
    };
    let end = Ends::against(ends, id);
    let question = format!("Agree? No PIN is needed, {others} must approve as well. [y/N] ");
    let answer = terminal.ask_openly_unless(&question, end).await?;
    if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        "nothing was agreed to; to decline: symbolon refuse",
    ))
}
