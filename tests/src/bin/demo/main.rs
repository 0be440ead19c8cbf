//! `make demo`: a login, a signature and a lock, as a newcomer is to see them.
//!
//! Everything runs for real, in a folder and on ports of its own: a TPM emulator, an HSM emulator,
//! the service, a private bus, the daemon and the command line. The relying party is played here.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a demonstration prints, and ends with a word about it when something is not there"
)]

mod person;
mod show;
mod story;

use std::process::ExitCode;
use std::thread;

use symbolon_tests::demonstration::{Interruption, end};

use person::Person;

/// What a shell reports of a program that was interrupted.
const INTERRUPTED: u8 = 130;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let person = match Person::from_environment() {
        Ok(person) => person,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    let Ok(mut interruption) = Interruption::listen() else {
        eprintln!("signals cannot be awaited");
        return ExitCode::FAILURE;
    };
    let (ended, over) = tokio::sync::oneshot::channel();
    let story = thread::spawn(move || {
        let told = story::tell(&person);
        ended.send(()).ok();
        told
    });
    tokio::select! {
        // An error means that the story ended in a panic, which has said why.
        _ = over => match story.join() {
            Ok(story::End::Well) => ExitCode::SUCCESS,
            Ok(story::End::Interrupted) => interrupted(),
            Ok(story::End::NotPossible) | Err(_) => ExitCode::FAILURE,
        },
        () = interruption.comes() => interrupted(),
    }
}

fn interrupted() -> ExitCode {
    end("Interrupted.", INTERRUPTED)
}
