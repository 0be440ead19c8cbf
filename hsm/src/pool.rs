//! Worker threads, each with a session of its own, because a PKCS#11 session serves one thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::error::HsmError;
use crate::queue::{Lane, Queue};
use crate::session::TokenSession;
use crate::token::{Access, Token};

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Threads that do what is asked, in turn.
pub(crate) struct Pool {
    queue: Arc<Queue<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Opens a session for each worker, so that what is wrong with the token is known at once.
    pub(crate) fn start(
        name: &str,
        token: &Arc<Token>,
        access: Access,
        workers: usize,
        queue_limit: usize,
    ) -> Result<Self, HsmError> {
        let sessions = (0..workers)
            .map(|_| TokenSession::open(Arc::clone(token), access))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pool = Self {
            queue: Arc::new(Queue::new(queue_limit)),
            threads: Vec::new(),
        };
        for (number, session) in sessions.into_iter().enumerate() {
            let queue = Arc::clone(&pool.queue);
            let mut worker = Worker {
                token: Arc::clone(token),
                access,
                session: Some(session),
            };
            let thread = std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    while let Some(job) = queue.pop() {
                        worker.perform(job);
                    }
                })
                .map_err(|error| HsmError::fault("starting a thread", error))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Has a worker do something; for async code. A caller that went away is not worked for.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        act: impl Fn(&TokenSession) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let (reply, answer) = oneshot::channel();
        self.submit(
            Lane::Ordinary,
            Box::new(move |worker| {
                if !reply.is_closed() {
                    // Nobody to tell if the caller left meanwhile.
                    let _ = reply.send(worker.act(&act));
                }
            }),
        )?;
        answer.await.unwrap_or_else(|_| Err(worker_died()))
    }

    /// Has a worker do something, and holds the thread until it is done. Goes first, because a
    /// thread is dearer than a place in the queue.
    pub(crate) fn run_blocking<T: Send + 'static>(
        &self,
        act: impl Fn(&TokenSession) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        // Not a tokio channel: its blocking receive refuses to run inside a runtime, and that is
        // where a TLS handshake signs.
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.submit(
            Lane::Urgent,
            Box::new(move |worker| {
                let _ = reply.send(worker.act(&act));
            }),
        )?;
        answer.recv().unwrap_or_else(|_| Err(worker_died()))
    }

    fn submit(&self, lane: Lane, job: Job) -> Result<(), HsmError> {
        self.queue.push(lane, job).map_err(|_| HsmError::Busy)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One thread's side of the pool.
struct Worker {
    token: Arc<Token>,
    access: Access,
    session: Option<TokenSession>,
}

impl Worker {
    /// A panic ends the job, whose caller is told, and not the thread: with the last thread gone,
    /// everybody would wait for ever.
    fn perform(&mut self, job: Job) {
        if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
            tracing::error!("a job on the token panicked");
            self.end_session();
        }
    }

    /// Acts, and once more with everything opened anew where that may help. An act therefore must
    /// be one that may be done twice: making and using session objects is.
    fn act<T>(
        &mut self,
        act: &impl Fn(&TokenSession) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        match self.try_once(act) {
            Err(error) if error.may_pass_with_a_new_session() => {
                tracing::warn!(%error, "opening the token anew");
                self.end_session();
                self.try_once(act)
            }
            result => result,
        }
    }

    fn try_once<T>(
        &mut self,
        act: &impl Fn(&TokenSession) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        let session = match self.session.take() {
            Some(session) if !session.is_of_an_earlier_start() => session,
            stale => {
                if let Some(stale) = stale {
                    stale.end();
                }
                TokenSession::open(Arc::clone(&self.token), self.access)?
            }
        };
        act(self.session.insert(session))
    }

    fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.end();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end_session();
    }
}

fn worker_died() -> HsmError {
    HsmError::fault("a worker", "it gave the job up")
}
