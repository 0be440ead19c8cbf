//! `symbolon-service`: reads the command line and hands over to the library.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use symbolon_hsm::become_the_modules_process_if_asked;
use symbolon_service::commands::{self, Cli};

fn main() -> ExitCode {
    become_the_modules_process_if_asked();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    // The store holds what lets a lost answer be repeated: nobody else on this machine reads it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // clap itself leaves with 2 where the command line is wrong.
    match commands::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "symbolon-service: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
