//! `symbolon`: the daemon's command line. It holds no key and decides nothing; it asks, shows and
//! passes on.

mod arguments;
mod authentication;
mod commands;
mod exit;
mod local_time;
mod output;
mod prompt;
mod secret;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into())),
    };
    finish(runtime.block_on(run(arguments)))
}

/// Runs the command until it ends or is ended; dropping it gives the terminal its echo back.
async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        ended = commands::run(arguments) => ended,
        _ = interrupt.recv() => Err(terminal::interrupted()),
        _ = terminate.recv() => Err(terminal::interrupted()),
        _ = hang_up.recv() => Err(terminal::interrupted()),
    }
}

fn finish(ended: Result<Exit, Failure>) -> ExitCode {
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::complain(&failure.text);
            failure.exit.into()
        }
    }
}
