//! Worker threads, each with a session of its own in the module's process, because a PKCS#11
//! session serves one thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::crew::Crew;
use crate::error::HsmError;
use crate::job::{Asked, Job, Reply};
use crate::process::act::{Act, OpenSession};
use crate::process::line::Line;
use crate::process::module::Module;
use crate::queue::Lane;
use crate::state::HsmState;
use crate::token::Access;

/// Threads that do what is asked, in turn, and one that watches them.
pub(crate) struct Pool {
    crew: Arc<Crew>,
    /// Dropped to end the watchdog.
    watching: Option<Sender<()>>,
}

impl Pool {
    /// Opens a session for each worker, so that what is wrong with the token is known at once.
    pub(crate) fn start(
        name: &'static str,
        module: &Arc<Module>,
        access: Access,
        workers: usize,
        queue_limit: usize,
        deadline: Duration,
    ) -> Result<Self, HsmError> {
        let lines = (0..workers)
            .map(|_| {
                let mut line = Line::new(Arc::clone(module), access);
                line.perform_once::<OpenSession>(&OpenSession.into())?;
                Ok(line)
            })
            .collect::<Result<Vec<_>, HsmError>>()?;
        let (watching, stop) = channel();
        let pool = Self {
            crew: Arc::new(Crew::new(name, queue_limit, deadline)),
            watching: Some(watching),
        };
        for line in lines {
            pool.crew.start(line)?;
        }
        let crew = Arc::clone(&pool.crew);
        std::thread::Builder::new()
            .name(format!("{name}-watch"))
            .spawn(move || watch(&crew, &stop))
            .map_err(|error| HsmError::fault("starting a thread", error))?;
        Ok(pool)
    }

    /// Has a worker do something; for async code. A caller that went away is not worked for.
    pub(crate) async fn run<A: Act + 'static>(&self, act: A) -> Result<A::Answer, HsmError> {
        let (reply, answer) = oneshot::channel();
        let job = Asked::<A>::new(act, Reply::Future(reply));
        self.submit(Lane::Ordinary, Arc::new(job))?;
        answer.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Has a worker do something, and holds the thread until it is done. Goes first, because a
    /// thread is dearer than a place in the queue.
    pub(crate) fn run_blocking<A: Act + 'static>(&self, act: A) -> Result<A::Answer, HsmError> {
        // Not a tokio channel: its blocking receive refuses to run inside a runtime, and that is
        // where a TLS handshake signs.
        let (reply, answer) = sync_channel(1);
        let job = Asked::<A>::new(act, Reply::Thread(reply));
        self.submit(Lane::Urgent, Arc::new(job))?;
        answer.recv().unwrap_or_else(|_| Err(unanswered()))
    }

    pub(crate) fn state(&self) -> HsmState {
        self.crew.state()
    }

    fn submit(&self, lane: Lane, job: Job) -> Result<(), HsmError> {
        self.crew.queue.push(lane, job).map_err(|_| HsmError::Busy)
    }
}

impl Drop for Pool {
    /// What waits is still done. Whoever hangs is not waited for: hence the watchdog goes last.
    fn drop(&mut self) {
        self.crew.queue.close();
        self.crew.await_end();
        self.watching.take();
    }
}

/// Looks often enough that nothing takes an eighth longer than it may. Not woken by each job: that
/// would cost every job more than a look now and then costs all of them.
fn watch(crew: &Crew, stop: &Receiver<()>) {
    let pause = (crew.deadline / 8).clamp(Duration::from_millis(5), Duration::from_secs(1));
    while matches!(stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
        crew.watch();
    }
}

fn unanswered() -> HsmError {
    HsmError::fault("a worker", "it gave the job up")
}
