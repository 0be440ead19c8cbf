//! The verification code: chosen among three where the relying party wants that, or compared with
//! the one that a script was told.

use symbolon_daemon::bus::messages::{CodeChosen, PendingTransaction};
use symbolon_protocol::verification_code::VerificationCode;

use super::ends::Ends;
use super::{Session, parse};
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Makes sure that no code stands between the request and its PIN. `shown` is what the caller says
/// that the relying party shows; without it the person at `terminal` is asked.
pub(super) async fn settle(
    session: &Session,
    transaction: &PendingTransaction,
    shown: Option<&VerificationCode>,
    terminal: Option<&Terminal>,
    ends: Option<&mut Ends>,
) -> Result<(), Failure> {
    let Some(offered) = &transaction.code_choice else {
        return compare(transaction, shown);
    };
    let picked = match (shown, terminal) {
        (Some(shown), _) => shown.to_string(),
        (None, Some(terminal)) => ask(&transaction.id.to_string(), offered, terminal, ends).await?,
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "a code is to be chosen first; pass the one that the relying party shows with --code",
            ));
        }
    };
    let id = transaction.id.to_string();
    let choose = async || session.daemon.choose_code(&id, &picked).await;
    match parse(&session.authorised(choose).await?)? {
        CodeChosen::Right {} => Ok(()),
        CodeChosen::Wrong {} => Err(Failure::new(
            Exit::Failed,
            "that is not the code that the relying party shows; the request is over. If you began it yourself, begin again",
        )),
    }
}

/// The code, or what there is to choose from, for a table.
pub(super) fn in_short(transaction: &PendingTransaction) -> Option<String> {
    let choice = transaction.code_choice.as_ref();
    let choice = choice.map(|codes| codes.join("/"));
    transaction.verification_code.clone().or(choice)
}

fn compare(
    transaction: &PendingTransaction,
    shown: Option<&VerificationCode>,
) -> Result<(), Failure> {
    let Some(shown) = shown else {
        return Ok(());
    };
    match &transaction.verification_code {
        Some(code) if code == shown.as_str() => Ok(()),
        Some(code) => Err(Failure::new(
            Exit::Failed,
            format!(
                "the request's code is {code}, not {shown}: it is not the one that you began. To decline: symbolon refuse"
            ),
        )),
        None => Err(Failure::new(
            Exit::Usage,
            "this request has no code to compare; leave out --code",
        )),
    }
}

async fn ask(
    id: &str,
    offered: &[String],
    terminal: &Terminal,
    mut ends: Option<&mut Ends>,
) -> Result<String, Failure> {
    loop {
        let end = Ends::against(ends.as_deref_mut(), id);
        let typed = terminal
            .ask_openly_unless("Which code does the relying party show? ", end)
            .await?;
        if typed.is_empty() {
            return Err(Failure::new(
                Exit::Failed,
                "nothing was approved; to decline: symbolon refuse",
            ));
        }
        if offered.contains(&typed) {
            return Ok(typed);
        }
        terminal.tell("That is none of the three. If no other is shown there, this is not the request that you began: press Enter, then symbolon refuse")?;
    }
}
