//! One module of one token, in a process that is replaced when it ended.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::running::{Ending, Running};
use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::pin::{PinSource, TokenPin};
use crate::state::ProcessEnds;

/// How long is waited for a process that was ended to be gone. One that hangs in the kernel may
/// take longer; until it is gone no other is started, so that there is never more than one.
const REPLACEMENT: Duration = Duration::from_secs(5);

/// A token's module. The process is started when it is first needed.
pub(crate) struct Module {
    pins: Arc<dyn PinSource>,
    refused: Mutex<Option<HsmError>>,
    current: Mutex<Option<Arc<Running>>>,
    /// One at a time asks for a process.
    starting: Mutex<()>,
    keeper: Sender<SyncSender<Result<Arc<Running>, HsmError>>>,
    ends: Arc<Ends>,
}

#[derive(Default)]
struct Ends {
    hung: AtomicU64,
    died: AtomicU64,
}

impl Ends {
    fn count(&self, ending: &Ending) {
        let counter = match ending {
            Ending::Unwanted => return,
            Ending::Hung => &self.hung,
            Ending::Died(_) => &self.died,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Module {
    /// A module that is not started yet.
    pub(crate) fn new(address: TokenAddress, pins: Arc<dyn PinSource>) -> Result<Self, HsmError> {
        let (keeper, wanted) = channel();
        let ends = Arc::new(Ends::default());
        let counted = Arc::clone(&ends);
        std::thread::Builder::new()
            .name("hsm-process".to_owned())
            .spawn(move || keep(&address, &wanted, &counted))
            .map_err(|error| HsmError::fault("starting a thread", error))?;
        Ok(Self {
            pins,
            refused: Mutex::default(),
            current: Mutex::default(),
            starting: Mutex::default(),
            keeper,
            ends,
        })
    }

    /// The process, started if there is none.
    pub(super) fn running(&self) -> Result<Arc<Running>, HsmError> {
        let starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.current().clone();
        if let Some(running) = present.filter(|running| !running.has_ended()) {
            return Ok(running);
        }
        let (reply, answer) = sync_channel(1);
        self.keeper.send(reply).map_err(|_| no_keeper())?;
        let running = match answer.recv_timeout(REPLACEMENT) {
            Ok(started) => started?,
            Err(RecvTimeoutError::Timeout) => {
                return Err(HsmError::ProcessEnded(
                    "the one before cannot be ended: it hangs in the kernel".to_owned(),
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(no_keeper()),
        };
        *self.current() = Some(Arc::clone(&running));
        drop(starting);
        Ok(running)
    }

    /// The PIN for a login. Not once more after a refusal, whatever process asks: tokens lock after
    /// a few wrong ones.
    pub(super) fn pin(&self) -> Result<TokenPin, HsmError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match &*refused {
            Some(refusal) => Err(refusal.clone()),
            None => self.pins.pin(),
        }
    }

    /// Takes note of what became of a login. True if another PIN may come, for another process.
    pub(super) fn note_refusal(&self, error: &HsmError) -> bool {
        if !matches!(error, HsmError::PinWrong | HsmError::PinLocked) {
            return false;
        }
        if self.pins.forgets_refused() {
            return true;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert_with(|| error.clone());
        false
    }

    /// Does something in which the module is used, and ends the process if that takes too long.
    pub(crate) fn within<T>(
        &self,
        deadline: Duration,
        act: impl FnOnce() -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        std::thread::scope(|scope| {
            let (done, waiting) = channel::<()>();
            let alarm = scope.spawn(move || {
                let mut rang = false;
                let mut pause = deadline;
                // Again and again: what was ended may be started anew by who does not know yet.
                while matches!(waiting.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                    rang = true;
                    pause = Duration::from_millis(50);
                    self.end_hung();
                }
                rang
            });
            let result = act();
            drop(done);
            match alarm.join() {
                Ok(true) => Err(HsmError::TimedOut(deadline)),
                _ => result,
            }
        })
    }

    /// How often the process had to be replaced.
    pub(crate) fn ends(&self) -> ProcessEnds {
        ProcessEnds {
            hung: self.ends.hung.load(Ordering::Relaxed),
            died: self.ends.died.load(Ordering::Relaxed),
        }
    }

    fn end_hung(&self) {
        let present = self.current().clone();
        if let Some(running) = present {
            running.end(Ending::Hung);
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Some(running) = self.current().take() {
            running.dismiss();
        }
    }
}

/// Starts a process when one is wanted, and waits for its end before it starts another.
fn keep(
    address: &TokenAddress,
    wanted: &Receiver<SyncSender<Result<Arc<Running>, HsmError>>>,
    ends: &Ends,
) {
    while let Ok(reply) = wanted.recv() {
        let (mut child, running) = match Running::start(address) {
            Ok((child, running)) => (child, Arc::new(running)),
            Err(error) => {
                let error = HsmError::fault("starting the module's process", error);
                let _ = reply.send(Err(error));
                continue;
            }
        };
        // Who does not wait any more leaves a process behind that nobody knows.
        if reply.send(Ok(Arc::clone(&running))).is_err() {
            running.end(Ending::Unwanted);
        }
        let how = match child.wait() {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        };
        // Who is told that it died finds it counted.
        match running.note_and(Ending::Died(how), |ending| ends.count(ending)) {
            Ending::Unwanted => {}
            Ending::Hung => {
                tracing::error!("a call into the PKCS#11 module hung; its process was ended");
            }
            Ending::Died(how) => {
                tracing::error!(error = how, "the PKCS#11 module's process ended by itself");
            }
        }
    }
}

/// In words without a colon, for they stand in the middle of a sentence.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("it crashed by signal {signal}"),
        (None, Some(code)) => format!("it left with status {code}"),
        (None, None) => status.to_string(),
    }
}

fn no_keeper() -> HsmError {
    HsmError::fault("the module's process", "nobody keeps it any more")
}
