//! A worker thread's way to a session in the module's process.

use std::sync::{Arc, Mutex, PoisonError};

use super::act::{Act, Errand, Reply};
use super::module::Module;
use super::running::{Ending, Running};
use super::socket::{Secret, Socket};
use crate::error::HsmError;
use crate::token::Access;

/// How often something is tried in another process, when the first one crashed for a reason that
/// may have been another's. A third would only crash a third process.
const TRIES_ELSEWHERE: u32 = 1;

/// A way to a session. Whatever happens to the process, nobody waits at this end for ever.
pub(crate) struct Line {
    module: Arc<Module>,
    access: Access,
    post: Arc<Post>,
    socket: Option<Socket>,
}

/// In which process a line's session is, for who has to end that.
#[derive(Default)]
pub(crate) struct Post(Mutex<Option<Arc<Running>>>);

/// Why something was not done.
enum Failure {
    /// The token said so, or the process could not be had.
    Answered(HsmError),
    /// The process ended meanwhile.
    Ended(Ending),
}

impl Line {
    /// A line that is opened when it is first needed.
    pub(crate) fn new(module: Arc<Module>, access: Access) -> Self {
        Self {
            module,
            access,
            post: Arc::default(),
            socket: None,
        }
    }

    pub(crate) fn post(&self) -> Arc<Post> {
        Arc::clone(&self.post)
    }

    /// Has something done, and once more in another process if the first one ended, as long as it
    /// is wanted.
    pub(crate) fn perform<A: Act>(
        &mut self,
        errand: &Errand,
        is_wanted: impl Fn() -> bool,
    ) -> Result<A::Answer, HsmError> {
        let mut tries_elsewhere = 0;
        loop {
            let ending = match self.perform_here::<A>(errand) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Answered(error)) => return Err(error),
                Err(Failure::Ended(ending)) => ending,
            };
            // Who hangs is known, and is not wanted any more: it was somebody else.
            if ending != Ending::Hung {
                tries_elsewhere += 1;
            }
            if tries_elsewhere > TRIES_ELSEWHERE || !is_wanted() {
                return Err(HsmError::ProcessEnded(ending.to_string()));
            }
        }
    }

    /// Has something done, in one process.
    pub(crate) fn perform_once<A: Act>(&mut self, errand: &Errand) -> Result<A::Answer, HsmError> {
        self.perform_here::<A>(errand)
            .map_err(|failure| match failure {
                Failure::Answered(error) => error,
                Failure::Ended(ending) => HsmError::ProcessEnded(ending.to_string()),
            })
    }

    /// Closes the session.
    pub(crate) fn close(&mut self) {
        self.socket = None;
    }

    fn perform_here<A: Act>(&mut self, errand: &Errand) -> Result<A::Answer, Failure> {
        // That a process ended meanwhile is nothing that this act has met with.
        let mut socket = match self.socket.take().filter(|_| self.post.is_there()) {
            Some(socket) => socket,
            None => self.open()?,
        };
        match ask::<A>(&mut socket, errand, &self.module) {
            Some(Ok(answer)) => {
                self.socket = Some(socket);
                Ok(answer)
            }
            Some(Err(Refusal { error, looks_anew })) => {
                self.socket = Some(socket);
                if looks_anew || matches!(error, HsmError::PinLastTry | HsmError::PinLocked) {
                    self.post.end_unwanted();
                }
                Err(Failure::Answered(error))
            }
            None => Err(Failure::Ended(self.post.how_it_ended())),
        }
    }

    fn open(&self) -> Result<Socket, Failure> {
        let running = self.module.running().map_err(Failure::Answered)?;
        self.post.be_at(&running);
        running
            .add_worker(self.access)
            .map_err(|_| Failure::Ended(self.post.how_it_ended()))
    }
}

impl Post {
    /// Ends the process in which the line's call hangs.
    pub(crate) fn end_hung(&self) {
        if let Some(running) = self.running() {
            running.end(Ending::Hung);
        }
    }

    /// Ends a process that nobody is logged in with: some modules read once in a process how a
    /// token's PIN stands, and a person may mend that.
    fn end_unwanted(&self) {
        if let Some(running) = self.running() {
            running.end(Ending::Unwanted);
        }
    }

    fn is_there(&self) -> bool {
        self.running().is_some_and(|running| !running.has_ended())
    }

    fn be_at(&self, running: &Arc<Running>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(running));
    }

    fn how_it_ended(&self) -> Ending {
        match self.running() {
            Some(running) => running.how_it_ended(),
            None => Ending::Unwanted,
        }
    }

    fn running(&self) -> Option<Arc<Running>> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.clone()
    }
}

/// Why something was not done.
struct Refusal {
    error: HsmError,
    /// A process that tried one PIN tries no other.
    looks_anew: bool,
}

/// Asks, and answers what is asked back; `None` if the connection broke.
fn ask<A: Act>(
    socket: &mut Socket,
    errand: &Errand,
    module: &Module,
) -> Option<Result<A::Answer, Refusal>> {
    match socket.send(errand) {
        // Nothing was sent, and nothing is wrong with the other side.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Some(Err(Refusal {
                error: HsmError::fault("asking the module's process", error),
                looks_anew: false,
            }));
        }
        sent => sent.ok()?,
    }
    let mut logs_in = false;
    loop {
        match socket.receive::<Reply<A::Answer>>().ok()?? {
            Reply::PinWanted => {
                let pin: Result<Secret, HsmError> = module.pin().map(|pin| pin.into_secret());
                socket.send(&pin).ok()?;
                logs_in = true;
            }
            Reply::OpensAnew(error) => tracing::warn!(error, "opening the token anew"),
            Reply::Done(result) => {
                return Some(result.map_err(|error| Refusal {
                    looks_anew: logs_in && module.note_refusal(&error),
                    error,
                }));
            }
        }
    }
}
