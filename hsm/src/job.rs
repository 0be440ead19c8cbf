//! What a worker is asked to do, and the answer that somebody waits for.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::HsmError;
use crate::process::act::{Act, Errand};
use crate::process::line::Line;

/// A job. The worker that does it and the crew that watches the worker both hold it.
pub(crate) type Job = Arc<dyn Task>;

/// Something to do on a token. It is answered once: who comes second is not heard.
pub(crate) trait Task: Send + Sync {
    /// Whether somebody still waits.
    fn is_wanted(&self) -> bool;
    /// Does it, notes whether the token is in order or why not, and then answers: who has an
    /// answer sees the token's state as that answer left it.
    fn run(&self, line: &mut Line, note: &mut dyn FnMut(Result<(), String>));
    /// Answers without having done it.
    fn give_up(&self, error: HsmError);
}

/// Where an answer goes.
pub(crate) enum Reply<T> {
    /// To a future.
    Future(oneshot::Sender<Result<T, HsmError>>),
    /// To a thread.
    Thread(SyncSender<Result<T, HsmError>>),
}

/// An act, and who waits for it.
pub(crate) struct Asked<A: Act> {
    errand: Errand,
    reply: Mutex<Option<Reply<A::Answer>>>,
}

impl<A: Act> Asked<A> {
    pub(crate) fn new(act: A, reply: Reply<A::Answer>) -> Self {
        Self {
            errand: act.into(),
            reply: Mutex::new(Some(reply)),
        }
    }

    fn answer(&self, result: Result<A::Answer, HsmError>) {
        let reply = self
            .reply
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Nobody to tell if the caller left meanwhile.
        match reply {
            Some(Reply::Future(sender)) => drop(sender.send(result)),
            Some(Reply::Thread(sender)) => drop(sender.send(result)),
            None => {}
        }
    }
}

impl<A: Act> Task for Asked<A> {
    fn is_wanted(&self) -> bool {
        match &*self.reply.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Reply::Future(sender)) => !sender.is_closed(),
            Some(Reply::Thread(_)) => true,
            None => false,
        }
    }

    fn run(&self, line: &mut Line, note: &mut dyn FnMut(Result<(), String>)) {
        let result = line.perform::<A>(&self.errand, || self.is_wanted());
        note(match &result {
            Err(error) if error.is_out_of_order() => Err(error.to_string()),
            _ => Ok(()),
        });
        self.answer(result);
    }

    fn give_up(&self, error: HsmError) {
        self.answer(Err(error));
    }
}
