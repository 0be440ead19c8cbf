//! `make demo-web`: the example e-service in a browser, with a person's device behind it.
//!
//! Everything runs for real, in a folder and on ports of its own, until it is interrupted. The person
//! approves at another terminal, by the real command line.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a demonstration prints, and ends with a word about it when something is not there"
)]

use std::io::Write;
use std::process::ExitCode;
use std::thread;

use symbolon_tests::cli::code;
use symbolon_tests::demonstration::{Interruption, end, usual_pins, wished_pins};
use symbolon_tests::e_service::{EService, Front};
use symbolon_tests::process::program;
use symbolon_tests::rig::{PERSON, Plan, Rig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let pins = match wished_pins("demo-web") {
        Ok(wished) => wished.unwrap_or_else(usual_pins),
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    let Ok(mut interruption) = Interruption::listen() else {
        eprintln!("signals cannot be awaited");
        return ExitCode::FAILURE;
    };
    let (ended, over) = tokio::sync::oneshot::channel::<()>();
    thread::spawn(move || {
        let parts = start(&pins);
        if parts.is_some() {
            // Until the whole program ends.
            loop {
                thread::park();
            }
        }
        drop(ended);
    });
    tokio::select! {
        // What was missing or went wrong has been said.
        _ = over => ExitCode::FAILURE,
        () = interruption.comes() => end("That was all.", 0),
    }
}

/// Starts all parts and says how to use them; `None` if something they need is not installed.
fn start([pin1, pin2]: &[String; 2]) -> Option<(Rig, EService)> {
    println!(
        "Starting a TPM emulator, an HSM emulator, the service, a device and an e-service ..."
    );
    let rig = Plan::default().link_page().start()?;
    let invitation = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    let said = rig.device.enrol(&invitation, pin1, pin2);
    if said.code != code::DONE {
        eprintln!("Mari could not be enrolled: {}", said.err.trim());
        return None;
    }
    let said = said.value();
    rig.device
        .wait_until_connected(said["documentNumber"].as_str()?);
    let e_service = EService::start(&rig, Front::Itself);
    let symbolon = program("symbolon").display().to_string();
    let number = PERSON.trim_start_matches("PNOEE-");
    println!(
        "
  Open          {url}
                Its certificate was made just now, so your browser will warn you.
  You are       Mari Maasikas, Estonia, personal code {number}
  PINs          PIN1 {pin1} to log in, PIN2 {pin2} to sign

  At another terminal, Mari's device:

    export SYMBOLON_BUS='{bus}'
    {symbolon} approve      # what was asked by notification: compare the code, type the PIN
    {symbolon} open -       # a device link: paste what its page shows

  A device link leads to the service's own page, as it does in life. Its button hands the link to an
  installed Symbolon; Mari's, in this demonstration, takes it from the terminal.
  Everything is in {folder}
  Ctrl-C ends all of it.",
        url = e_service.url(),
        bus = rig.device.bus_address(),
        folder = rig.folder.path().display(),
    );
    std::io::stdout().flush().ok();
    Some((rig, e_service))
}
