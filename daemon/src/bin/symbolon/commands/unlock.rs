//! `symbolon unlock`.

use std::os::fd::AsFd;

use super::Session;
use crate::exit::{Exit, Failure};
use crate::prompt::{Prompt, Source};

pub(super) async fn run(session: &Session, source: Source) -> Result<Exit, Failure> {
    let pin = Prompt::new()
        .secret(source, "PIN of the token: ", "--pin-fd or --pin-stdin")
        .await?;
    let pipe = pin.pipe()?;
    session.daemon.unlock_token(pipe.as_fd().into()).await?;
    if session.output.is_json() {
        session.output.reply("{}")?;
    } else {
        session.output.say("The token is unlocked.")?;
    }
    Ok(Exit::Success)
}
