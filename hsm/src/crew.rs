//! The workers of a pool: who does what since when, and what hangs.
//!
//! A call that hangs in the module ends with the process in which the module runs, which is ended:
//! every thread of ours comes back. See `docs/decisions/0032`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::error::HsmError;
use crate::job::Job;
use crate::process::line::{Line, Post};
use crate::queue::Queue;
use crate::state::HsmState;

/// How long closing waits for jobs under way. Making a key may take longer, and is then lost.
const LONGEST_END: Duration = Duration::from_secs(10);

/// What the pool, its workers and its watchdog share.
pub(crate) struct Crew {
    pub(crate) name: &'static str,
    pub(crate) queue: Queue<Job>,
    /// How long a job may wait, and how long it may take.
    pub(crate) deadline: Duration,
    roll: Mutex<Roll>,
    left: Condvar,
}

#[derive(Default)]
struct Roll {
    workers: usize,
    next_number: u64,
    busy: Vec<Busy>,
    backoff: Backoff,
}

struct Busy {
    worker: u64,
    since: Instant,
    job: Job,
    post: Arc<Post>,
    /// Its caller was told that it takes too long.
    given_up: bool,
}

impl Crew {
    pub(crate) fn new(name: &'static str, queue_limit: usize, deadline: Duration) -> Self {
        Self {
            name,
            queue: Queue::new(queue_limit),
            deadline,
            roll: Mutex::default(),
            left: Condvar::new(),
        }
    }

    /// Starts a thread for a worker.
    pub(crate) fn start(self: &Arc<Self>, line: Line) -> Result<(), HsmError> {
        let number = {
            let mut roll = self.roll();
            roll.workers += 1;
            roll.next_number += 1;
            roll.next_number
        };
        let crew = Arc::clone(self);
        std::thread::Builder::new()
            .name(format!("{}-{number}", self.name))
            .spawn(move || crew.work(number, line))
            .map(drop)
            .map_err(|error| {
                self.roll().workers -= 1;
                HsmError::fault("starting a thread", error)
            })
    }

    pub(crate) fn state(&self) -> HsmState {
        match self.roll().backoff.reason() {
            Some(reason) => HsmState::Recovering {
                reason: reason.to_owned(),
            },
            None => HsmState::Working,
        }
    }

    /// Waits until every worker has left, and ends what does not come to an end by itself.
    pub(crate) fn await_end(&self) {
        let patience = LONGEST_END.min(self.deadline + self.deadline);
        let roll = self.roll();
        let waited = self
            .left
            .wait_timeout_while(roll, patience, |roll| roll.workers > 0);
        let (roll, _) = waited.unwrap_or_else(PoisonError::into_inner);
        for busy in &roll.busy {
            busy.post.end_hung();
        }
    }

    fn work(self: Arc<Self>, number: u64, mut line: Line) {
        while let Some(job) = self.queue.pop() {
            if self.begin(number, &job, &line) {
                self.perform(number, &job, &mut line);
            }
        }
        drop(line);
        self.roll().workers -= 1;
        self.left.notify_all();
    }

    /// A panic ends the job, whose caller is told, and not the thread: with the last thread gone,
    /// everybody would wait for ever.
    fn perform(&self, number: u64, job: &Job, line: &mut Line) {
        let mut noted = false;
        let mut note = |found| {
            noted = true;
            self.end(number, found);
        };
        let done = catch_unwind(AssertUnwindSafe(|| job.run(line, &mut note)));
        if done.is_err() {
            tracing::error!("a job on the token panicked");
            line.close();
            job.give_up(HsmError::fault("a worker", "it gave the job up"));
        }
        if !noted {
            self.end(number, Ok(()));
        }
    }

    /// Whether the job is to be done; it is answered if not.
    fn begin(&self, worker: u64, job: &Job, line: &Line) -> bool {
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
            post: line.post(),
            given_up: false,
        });
        true
    }

    fn end(&self, worker: u64, found: Result<(), String>) {
        let mut roll = self.roll();
        let place = roll.busy.iter().position(|busy| busy.worker == worker);
        let given_up = place.is_some_and(|place| roll.busy.swap_remove(place).given_up);
        match found {
            // What came too late tells of what was, not of what is.
            _ if given_up => {}
            Ok(()) if roll.backoff.answered() => tracing::info!("the token works again"),
            Ok(()) => {}
            Err(reason) => roll.backoff.failed(Instant::now(), reason),
        }
    }

    /// Gives up what takes too long, and ends the process in which it hangs.
    pub(crate) fn watch(&self) {
        let (jobs, posts) = self.overdue(Instant::now());
        // In this order: what is not wanted any more is not tried in another process.
        for job in jobs {
            job.give_up(HsmError::TimedOut(self.deadline));
        }
        for post in posts {
            post.end_hung();
        }
        for job in self.queue.take_older_than(self.deadline) {
            job.give_up(HsmError::Busy);
        }
    }

    /// What has to be given up now, and where something hangs that was given up now or earlier: it
    /// may have gone on in another process, not knowing.
    fn overdue(&self, now: Instant) -> (Vec<Job>, Vec<Arc<Post>>) {
        let mut roll = self.roll();
        let (mut jobs, mut posts) = (Vec::new(), Vec::new());
        for busy in &mut roll.busy {
            if now.duration_since(busy.since) >= self.deadline {
                posts.push(Arc::clone(&busy.post));
                if !std::mem::replace(&mut busy.given_up, true) {
                    jobs.push(Arc::clone(&busy.job));
                }
            }
        }
        for _ in &jobs {
            let reason = HsmError::TimedOut(self.deadline).to_string();
            roll.backoff.failed(now, reason);
        }
        (jobs, posts)
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
