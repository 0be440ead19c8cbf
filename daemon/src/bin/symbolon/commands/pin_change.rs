//! `symbolon pin change`.

use std::os::fd::AsFd;

use symbolon_daemon::bus::client::fault_of;
use symbolon_daemon::bus::fault::FaultKind;
use symbolon_daemon::bus::messages::Verdict;

use super::standing::{self, Denial};
use super::{Session, choose, parse};
use crate::arguments::{ChangePin, WhichPin};
use crate::exit::{Exit, Failure};
use crate::output::complain;
use crate::prompt::{Prompt, Source};

pub(super) async fn run(session: &Session, wishes: ChangePin) -> Result<Exit, Failure> {
    let document = choose::account(session, wishes.document).await?;
    let mut prompt = Prompt::new();
    let old_source = Source::chosen(wishes.old_fd, wishes.pins_stdin);
    let new_source = Source::chosen(wishes.new_fd, wishes.pins_stdin);
    let (name, purpose, rule) = match wishes.which {
        WhichPin::Pin1 => ("PIN1", "authentication", "4 to 12 digits"),
        WhichPin::Pin2 => ("PIN2", "signing", "5 to 12 digits"),
    };
    let patient = old_source == Source::Person && new_source == Source::Person;
    let mut old = prompt
        .secret(
            old_source,
            &format!("Old {name}: "),
            "--old-fd or --pins-stdin",
        )
        .await?;
    loop {
        let new = prompt
            .new_pin(new_source, name, rule, "--new-fd or --pins-stdin")
            .await?;
        let _agent = choose::administrator_of(session, &document).await;
        let (old_pipe, new_pipe) = (old.pipe()?, new.pipe()?);
        let reply = match session
            .daemon
            .change_pin(
                &document,
                purpose,
                old_pipe.as_fd().into(),
                new_pipe.as_fd().into(),
            )
            .await
        {
            // The rules are checked before the hardware sees the old PIN: only the new one again.
            Err(error) if patient && is_refused_by_rules(&error) => {
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
                    session.output.say(&format!("{name} is changed."))?;
                }
                return Ok(Exit::Success);
            }
            Some(Denial::Wrong(text)) if patient => {
                complain(&text);
                old = prompt
                    .secret(old_source, &format!("Old {name}: "), "--old-fd")
                    .await?;
            }
            Some(Denial::Wrong(text)) => return Err(Failure::new(Exit::WrongPin, text)),
            Some(Denial::Over(exit, text)) => return Err(Failure::new(exit, text)),
        }
    }
}

fn is_refused_by_rules(error: &zbus::Error) -> bool {
    fault_of(error).is_some_and(|fault| fault.kind == FaultKind::PinRefused)
}
