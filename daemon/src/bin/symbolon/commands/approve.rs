//! `symbolon approve`: show who asks for what, let the code be compared, take the PIN.

use std::os::fd::AsFd;

use symbolon_daemon::bus::client::fault_of;
use symbolon_daemon::bus::fault::FaultKind;
use symbolon_daemon::bus::messages::{ApprovalBegun, PendingTransaction, User, Verdict};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::interaction::InteractionType;

use super::ends::Ends;
use super::standing::{self, Denial, pin_name};
use super::{Session, agree, choose, codes, consent, parse};
use crate::arguments::Approve;
use crate::exit::{Exit, Failure};
use crate::local_time::length;
use crate::output::complain;
use crate::prompt::{Prompt, Source};

pub(super) async fn run(session: &Session, wishes: Approve) -> Result<Exit, Failure> {
    answer(session, wishes).await.map(|_| Exit::Success)
}

/// What came of it.
pub(super) enum Answer {
    /// It is over.
    Given,
    /// Others must approve as well.
    Agreed,
}

/// Approves, or agrees where others must approve as well.
pub(super) async fn answer(session: &Session, wishes: Approve) -> Result<Answer, Failure> {
    let mut prompt = Prompt::new();
    let source = Source::chosen(wishes.pin_fd, wishes.pin_stdin);
    let terminal = prompt.terminal().filter(|_| source == Source::Person);
    let id = choose::transaction(session, wishes.id.as_deref(), terminal)
        .await?
        .to_string();

    // A person is asked only as long as the answer is of use. Deaf to that, they still can answer.
    let mut ends = match source {
        Source::Person => Ends::listen(session).await.ok(),
        Source::Descriptor(_) => None,
    };
    // Before the question, so that the hardware gets ready while the person types.
    let begun = begin(session, &id).await?;
    show(session, &begun.transaction)?;
    let tries_left = standing::require_open(begun.pin)?;
    let terminal = prompt.terminal().filter(|_| source == Source::Person);
    let Some(purpose) = begun.transaction.purpose else {
        consent::run(session, &begun.transaction, wishes.consent, terminal, ends).await?;
        return Ok(Answer::Given);
    };
    let shown = wishes.verification_code.as_ref();
    codes::settle(session, &begun.transaction, shown, terminal, ends.as_mut()).await?;
    if begun.others_missing > 0 {
        agree::run(session, &begun, wishes.consent, terminal, ends.as_mut()).await?;
        return Ok(Answer::Agreed);
    }
    if source == Source::Person {
        warn_of_last_tries(session, tries_left)?;
        confirm(&prompt, &begun.transaction, ends.as_mut()).await?;
    }
    loop {
        let question = format!("{}: ", pin_name(purpose));
        let pin = prompt
            .secret_unless(
                source,
                &question,
                "--pin-fd or --pin-stdin",
                Ends::against(ends.as_mut(), &id),
            )
            .await?;
        if pin.is_empty() {
            return Err(Failure::new(
                Exit::Failed,
                "no PIN was typed and nothing approved; to decline: symbolon refuse",
            ));
        }
        let approve = async || {
            let daemon = &session.daemon;
            daemon.approve(&id, pin.pipe()?.as_fd().into()).await
        };
        let reply = match session.authorised(approve).await {
            Err(error) if source == Source::Person && is_no_pin(&error) => {
                complain(&Failure::from(error).text);
                continue;
            }
            reply => reply?,
        };
        if session.output.is_json() {
            session.output.reply(&reply)?;
        }
        match standing::denial(parse::<Verdict>(&reply)?) {
            None => {
                if !session.output.is_json() {
                    session.output.say("Approved.")?;
                }
                return Ok(Answer::Given);
            }
            Some(Denial::Wrong(text)) if source == Source::Person => {
                complain(&text);
                standing::require_open(begin(session, &id).await?.pin)?;
            }
            Some(Denial::Wrong(text)) => return Err(Failure::new(Exit::WrongPin, text)),
            Some(Denial::Over(exit, text)) => return Err(Failure::new(exit, text)),
        }
    }
}

/// Has the hardware made ready, and learns what is asked.
async fn begin(session: &Session, id: &str) -> Result<ApprovalBegun, Failure> {
    let begin = async || session.daemon.begin_approval(id).await;
    parse(&session.authorised(begin).await?)
}

fn show(session: &Session, transaction: &PendingTransaction) -> Result<(), Failure> {
    let output = session.output;
    let wish = match transaction.purpose {
        Some(KeyPurpose::Authentication) => "wants you to log in",
        Some(KeyPurpose::Signing) => "wants your signature",
        None => "wants to know your signing certificate, with your name and personal code in it",
    };
    output.say("")?;
    output.say(&format!("  {} {wish}.", transaction.relying_party_name))?;
    if let Some(broker) = &transaction.brokered_relying_party_name {
        output.say(&format!("  On behalf of: {broker}"))?;
    }
    output.say("")?;
    if transaction.purpose.is_some() {
        output.say(&format!("  {}", transaction.text))?;
        output.say("")?;
    }
    if let Some(digest) = &transaction.digest {
        output.say(&format!("  {}: {}", digest.hash, digest.value))?;
        output.say("")?;
    }
    if transaction.is_bare_login {
        output.say("  An older kind of login: it signs a hash, not the name and text above.")?;
        output.say("")?;
    }
    if let Some(code) = &transaction.verification_code {
        output.say(&format!("  Code: {code}"))?;
        output.say("")?;
    }
    if let Some(codes) = &transaction.code_choice {
        output.say(&format!("  One of these codes: {}", codes.join("  ")))?;
        output.say("")?;
    }
    output.say(&format!("  Account: {}", transaction.document_number))?;
    if let Some(approvals) = &transaction.approvals {
        let given: Vec<_> = approvals.given.iter().map(User::to_string).collect();
        output.say(&format!(
            "  Approvals: {} of {} {}",
            given.len(),
            approvals.needed,
            given.join(", ")
        ))?;
    }
    output.say(&format!(
        "  Time left: {}",
        length(transaction.expires_in_seconds)
    ))?;
    output.say("")?;
    Ok(())
}

fn warn_of_last_tries(session: &Session, tries_left: Option<u32>) -> Result<(), Failure> {
    // Three is what everybody has who made no mistake.
    if let Some(tries @ 0..3) = tries_left {
        let text = standing::left(tries);
        session.output.say(&format!("  {text} before a lock."))?;
    }
    Ok(())
}

/// Lets the person compare the code; what came as a confirmation message is a question of its own.
async fn confirm(
    prompt: &Prompt,
    transaction: &PendingTransaction,
    ends: Option<&mut Ends>,
) -> Result<(), Failure> {
    let Some(terminal) = prompt.terminal() else {
        return Ok(());
    };
    if transaction.verification_code.is_some() {
        terminal.tell(
            "Go on only if you began this yourself and the relying party shows the same code.",
        )?;
    }
    if transaction.interaction != Some(InteractionType::ConfirmationMessage) {
        return Ok(());
    }
    let id = transaction.id.to_string();
    let end = Ends::against(ends, &id);
    let answer = terminal
        .ask_openly_unless("Is this what you want? [y/N] ", end)
        .await?;
    if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        "nothing was approved; to decline: symbolon refuse",
    ))
}

/// What was typed cannot be a PIN: no hardware saw it.
fn is_no_pin(error: &zbus::Error) -> bool {
    fault_of(error).is_some_and(|fault| fault.kind == FaultKind::InvalidPin)
}
