//! `symbolon enrol`: the one-time code and two new PINs make an account.

use std::os::fd::AsFd;

use symbolon_daemon::bus::client::fault_of;
use symbolon_daemon::bus::fault::FaultKind;
use symbolon_daemon::bus::messages::Enrolled;

use super::{Session, parse};
use crate::arguments::Enrol;
use crate::authentication::Authentication;
use crate::exit::{Exit, Failure};
use crate::output::complain;
use crate::prompt::{Prompt, Source};

pub(super) async fn run(session: &Session, wishes: Enrol) -> Result<Exit, Failure> {
    let mut prompt = Prompt::new();
    let code_source = Source::chosen(wishes.code_fd, wishes.secrets_stdin);
    let pin1_source = Source::chosen(wishes.pin1_fd, wishes.secrets_stdin);
    let pin2_source = Source::chosen(wishes.pin2_fd, wishes.secrets_stdin);
    let patient = pin1_source == Source::Person && pin2_source == Source::Person;
    let device_name = wishes.device_name.unwrap_or_else(machine_name);

    let code = prompt
        .code(
            code_source,
            "One-time code from the service: ",
            "--code-fd or --secrets-stdin",
        )
        .await?;
    if patient && let Some(terminal) = prompt.terminal() {
        terminal.tell(
            "Choose two PINs: PIN1 for logins, PIN2 for signatures. No rows (1234), no repeats, no birthdays.",
        )?;
    }
    loop {
        let pin1 = prompt
            .new_pin(
                pin1_source,
                "PIN1",
                "4 to 12 digits",
                "--pin1-fd or --secrets-stdin",
            )
            .await?;
        let pin2 = prompt
            .new_pin(
                pin2_source,
                "PIN2",
                "5 to 12 digits",
                "--pin2-fd or --secrets-stdin",
            )
            .await?;
        if patient && let Some(terminal) = prompt.terminal() {
            terminal.tell("Making the keys; a hardware TPM takes up to a minute for it.")?;
        }
        let _agent = match wishes.group {
            Some(_) => Some(Authentication::offer(session.bus.as_deref()).await),
            None => None,
        };
        let (code, pin1, pin2) = (code.pipe()?, pin1.pipe()?, pin2.pipe()?);
        let (code, pin1, pin2) = (code.as_fd(), pin1.as_fd(), pin2.as_fd());
        let enrolled = match &wishes.group {
            None => {
                let daemon = &session.daemon;
                daemon
                    .enrol(
                        &wishes.service,
                        code.into(),
                        &device_name,
                        pin1.into(),
                        pin2.into(),
                    )
                    .await
            }
            Some(group) => {
                let daemon = &session.daemon;
                daemon
                    .enrol_for_group(
                        group,
                        wishes.approvals,
                        &wishes.service,
                        code.into(),
                        &device_name,
                        pin1.into(),
                        pin2.into(),
                    )
                    .await
            }
        };
        match enrolled {
            Ok(reply) => return report(session, &reply),
            // The PINs are judged before the code is used: it is still good.
            Err(error) if patient && is_about_pins(&error) => complain(&Failure::from(error).text),
            Err(error) => return Err(error.into()),
        }
    }
}

fn report(session: &Session, reply: &str) -> Result<Exit, Failure> {
    if session.output.is_json() {
        session.output.reply(reply)?;
        return Ok(Exit::Success);
    }
    let account: Enrolled = parse(reply)?;
    let output = session.output;
    output.say("")?;
    output.say(&format!(
        "Enrolled {} {} ({}).",
        account.given_name, account.surname, account.person
    ))?;
    output.say(&format!("Document number: {}", account.document_number))?;
    output.say(&format!("Keys held by:    {}", account.hardware))?;
    output.say("")?;
    output.say("Requests appear as notifications, and in: symbolon pending")?;
    Ok(Exit::Success)
}

fn is_about_pins(error: &zbus::Error) -> bool {
    fault_of(error)
        .is_some_and(|fault| matches!(fault.kind, FaultKind::PinRefused | FaultKind::InvalidPin))
}

fn machine_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
