//! The workers of a pool: who does what since when, who hangs, and who takes the place of those.
//!
//! A thread that hangs inside a PKCS#11 module cannot be ended. It is left to itself and another
//! takes its place, up to a bound; past it the pool does nothing any more until one of them comes
//! back. See `docs/decisions/0022`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::error::HsmError;
use crate::job::Job;
use crate::queue::Queue;
use crate::state::HsmState;
use crate::token::{Access, Token};
use crate::worker::Worker;

/// How many threads beyond the wanted ones may come to hang before no more are started.
const REPLACEMENTS: usize = 4;

/// How long closing waits for jobs under way. Making a key may take longer, and is then lost.
const LONGEST_END: Duration = Duration::from_secs(10);

/// What the pool, its workers and its watchdog share.
pub(crate) struct Crew {
    pub(crate) name: &'static str,
    pub(crate) token: Arc<Token>,
    pub(crate) access: Access,
    pub(crate) queue: Queue<Job>,
    /// How long a job may wait, and how long it may take.
    pub(crate) deadline: Duration,
    /// How many workers there should be.
    pub(crate) wanted: usize,
    roll: Mutex<Roll>,
    left: Condvar,
}

#[derive(Default)]
struct Roll {
    /// Workers that take jobs.
    live: usize,
    /// Workers that hang.
    abandoned: usize,
    next_number: u64,
    busy: Vec<Busy>,
    backoff: Backoff,
}

struct Busy {
    worker: u64,
    since: Instant,
    job: Job,
}

/// What a worker does after a job.
enum After {
    /// The next one.
    Next,
    /// The next one, with nothing that it had before: it was given up meanwhile.
    NextAnew,
    /// Nothing: another took its place.
    Leave,
}

impl Crew {
    pub(crate) fn new(
        name: &'static str,
        token: Arc<Token>,
        access: Access,
        queue_limit: usize,
        wanted: usize,
        deadline: Duration,
    ) -> Self {
        Self {
            name,
            token,
            access,
            queue: Queue::new(queue_limit),
            deadline,
            wanted,
            roll: Mutex::default(),
            left: Condvar::new(),
        }
    }

    /// Starts a thread for a worker.
    pub(crate) fn start(self: &Arc<Self>, worker: Worker) -> Result<(), HsmError> {
        let number = {
            let mut roll = self.roll();
            roll.live += 1;
            roll.next_number += 1;
            roll.next_number
        };
        let crew = Arc::clone(self);
        std::thread::Builder::new()
            .name(format!("{}-{number}", self.name))
            .spawn(move || crew.work(number, worker))
            .map(drop)
            .map_err(|error| {
                self.roll().live -= 1;
                HsmError::fault("starting a thread", error)
            })
    }

    /// Whether nobody is there to do a job, nor will be until a call comes back.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead_by(&self.roll())
    }

    fn is_dead_by(&self, roll: &Roll) -> bool {
        roll.live == 0 && roll.abandoned >= self.wanted + REPLACEMENTS
    }

    pub(crate) fn state(&self) -> HsmState {
        let roll = self.roll();
        match roll.backoff.reason() {
            _ if self.is_dead_by(&roll) => HsmState::Dead,
            Some(reason) => HsmState::Recovering {
                reason: reason.to_owned(),
            },
            None => HsmState::Working,
        }
    }

    /// Waits until every worker that does not hang has left, but not for ever.
    pub(crate) fn await_end(&self) {
        let patience = LONGEST_END.min(self.deadline + self.deadline);
        let roll = self.roll();
        let waited = self
            .left
            .wait_timeout_while(roll, patience, |roll| roll.live > 0);
        drop(waited);
    }

    fn work(self: Arc<Self>, number: u64, mut worker: Worker) {
        while let Some(job) = self.queue.pop() {
            if !self.begin(number, &job) {
                continue;
            }
            match self.perform(number, &job, &mut worker) {
                After::Next => {}
                After::NextAnew => worker.end_session(),
                After::Leave => return,
            }
        }
        drop(worker);
        self.roll().live -= 1;
        self.left.notify_all();
    }

    /// A panic ends the job, whose caller is told, and not the thread: with the last thread gone,
    /// everybody would wait for ever.
    fn perform(&self, number: u64, job: &Job, worker: &mut Worker) -> After {
        let mut after = None;
        let mut note = |found| after = Some(self.end(number, found));
        let done = catch_unwind(AssertUnwindSafe(|| job.run(worker, &mut note)));
        if done.is_err() {
            tracing::error!("a job on the token panicked");
            worker.end_session();
            job.give_up(HsmError::fault("a worker", "it gave the job up"));
        }
        after.unwrap_or_else(|| self.end(number, Ok(())))
    }

    /// Whether the job is to be done; it is answered if not.
    fn begin(&self, worker: u64, job: &Job) -> bool {
        if !job.is_wanted() {
            return false;
        }
        let since = Instant::now();
        let mut roll = self.roll();
        if let Err(refused) = roll.backoff.admit(since) {
            drop(roll);
            job.give_up(refused);
            return false;
        }
        roll.busy.push(Busy {
            worker,
            since,
            job: Arc::clone(job),
        });
        true
    }

    fn end(&self, worker: u64, found: Result<(), String>) -> After {
        let mut roll = self.roll();
        if let Some(place) = roll.busy.iter().position(|busy| busy.worker == worker) {
            roll.busy.swap_remove(place);
            match found {
                Ok(()) if roll.backoff.answered() => tracing::info!("the token works again"),
                Ok(()) => {}
                Err(reason) => roll.backoff.failed(Instant::now(), reason),
            }
            return After::Next;
        }
        roll.abandoned -= 1;
        tracing::warn!(
            hanging = roll.abandoned,
            "a call into the PKCS#11 module came back late"
        );
        if roll.live < self.wanted {
            roll.live += 1;
            After::NextAnew
        } else {
            After::Leave
        }
    }

    /// Gives up what takes too long, and sees that there are workers as long as there may be.
    pub(crate) fn watch(self: &Arc<Self>) {
        let now = Instant::now();
        for job in self.give_up_overdue(now) {
            job.give_up(HsmError::TimedOut(self.deadline));
        }
        for job in self.queue.take_older_than(self.deadline) {
            job.give_up(HsmError::Busy);
        }
        while self.may_replace() {
            let worker = Worker::new(Arc::clone(&self.token), self.access, None);
            if let Err(error) = self.start(worker) {
                tracing::error!(%error, "no worker can be started");
                break;
            }
        }
        if self.is_dead() {
            for job in self.queue.take_older_than(Duration::ZERO) {
                job.give_up(HsmError::Dead);
            }
        }
    }

    fn give_up_overdue(&self, now: Instant) -> Vec<Job> {
        let mut roll = self.roll();
        let overdue: Vec<_> = roll
            .busy
            .extract_if(.., |busy| now.duration_since(busy.since) >= self.deadline)
            .collect();
        for _ in &overdue {
            roll.live -= 1;
            roll.abandoned += 1;
            tracing::error!(
                hanging = roll.abandoned,
                "a call into the PKCS#11 module hangs; its thread is left to itself"
            );
            roll.backoff
                .failed(now, HsmError::TimedOut(self.deadline).to_string());
        }
        overdue.into_iter().map(|busy| busy.job).collect()
    }

    fn may_replace(&self) -> bool {
        let roll = self.roll();
        roll.live < self.wanted
            && roll.live + roll.abandoned < self.wanted + REPLACEMENTS
            && !self.queue.is_closed()
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
