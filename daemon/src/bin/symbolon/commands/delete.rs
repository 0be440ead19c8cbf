//! `symbolon delete`: closes an account for good, so the person says twice which.

use super::{Session, choose};
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

pub(super) async fn run(session: &Session, document: &str, yes: bool) -> Result<Exit, Failure> {
    if !yes {
        confirm(document).await?;
    }
    let _agent = choose::administrator_of(session, document).await;
    session.daemon.delete(document).await?;
    if session.output.is_json() {
        session.output.reply("{}")?;
    } else {
        session.output.say(&format!(
            "Deleted {document}: certificates revoked, key shares destroyed."
        ))?;
    }
    Ok(Exit::Success)
}

async fn confirm(document: &str) -> Result<(), Failure> {
    let Some(terminal) = Terminal::open() else {
        return Err(Failure::new(
            Exit::Usage,
            "there is no terminal to ask on; to delete without a question: --yes",
        ));
    };
    terminal.tell(
        "This revokes the certificates and destroys the key shares; nothing brings them back.",
    )?;
    let typed = terminal
        .ask_openly("Type the document number to go on: ")
        .await?;
    if typed == document {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        "that is another document number; nothing was deleted",
    ))
}
