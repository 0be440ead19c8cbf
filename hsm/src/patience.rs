//! Waiting for a module no longer than a while.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::error::HsmError;

/// Does something on a thread of its own, which is left to itself if it takes too long.
pub(crate) fn within<T: Send + 'static>(
    deadline: Duration,
    act: impl FnOnce() -> Result<T, HsmError> + Send + 'static,
) -> Result<T, HsmError> {
    let (reply, answer) = sync_channel(1);
    std::thread::Builder::new()
        .name("hsm-open".to_owned())
        .spawn(move || {
            // Nobody waits any more if it took too long.
            let _ = reply.send(act());
        })
        .map_err(|error| HsmError::fault("starting a thread", error))?;
    match answer.recv_timeout(deadline) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(HsmError::TimedOut(deadline)),
        Err(RecvTimeoutError::Disconnected) => Err(HsmError::fault("a thread", "it panicked")),
    }
}
