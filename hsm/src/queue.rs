//! A bounded queue with a fast lane.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody holds a thread while waiting: a TLS handshake.
    Urgent,
    /// The rest.
    Ordinary,
}

/// Jobs on their way to the workers.
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
    limit: usize,
}

struct Waiting<T> {
    urgent: VecDeque<(Instant, T)>,
    ordinary: VecDeque<(Instant, T)>,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue that holds at most `limit` jobs.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                urgent: VecDeque::new(),
                ordinary: VecDeque::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            limit,
        }
    }

    /// Adds a job; gives it back when the queue is full or closed.
    pub(crate) fn push(&self, lane: Lane, job: T) -> Result<(), T> {
        let mut waiting = self.lock();
        if waiting.closed || waiting.urgent.len() + waiting.ordinary.len() >= self.limit {
            return Err(job);
        }
        let since = Instant::now();
        match lane {
            Lane::Urgent => waiting.urgent.push_back((since, job)),
            Lane::Ordinary => waiting.ordinary.push_back((since, job)),
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for the next job; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut waiting = self.lock();
        loop {
            if let Some((_, job)) = waiting
                .urgent
                .pop_front()
                .or_else(|| waiting.ordinary.pop_front())
            {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes out the jobs that have waited so long.
    pub(crate) fn take_older_than(&self, age: Duration) -> Vec<T> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let Waiting {
            urgent, ordinary, ..
        } = &mut *waiting;
        let mut taken = Vec::new();
        for lane in [urgent, ordinary] {
            // The oldest are in front.
            while lane
                .front()
                .is_some_and(|(since, _)| now.duration_since(*since) >= age)
            {
                taken.extend(lane.pop_front().map(|(_, job)| job));
            }
        }
        taken
    }

    /// Takes no more jobs; what waits is still served.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_lane_goes_first() {
        let queue = Queue::new(3);
        queue.push(Lane::Ordinary, 1).unwrap();
        queue.push(Lane::Ordinary, 2).unwrap();
        queue.push(Lane::Urgent, 3).unwrap();
        assert_eq!(
            [queue.pop(), queue.pop(), queue.pop()],
            [Some(3), Some(1), Some(2)]
        );
    }

    #[test]
    fn a_full_queue_refuses() {
        let queue = Queue::new(1);
        queue.push(Lane::Ordinary, 1).unwrap();
        assert_eq!(queue.push(Lane::Urgent, 2), Err(2));
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.push(Lane::Urgent, 2), Ok(()));
    }

    #[test]
    fn what_waited_too_long_is_taken_out_and_the_rest_stays() {
        let queue = Queue::new(3);
        queue.push(Lane::Ordinary, 1).unwrap();
        queue.push(Lane::Urgent, 2).unwrap();
        assert!(queue.take_older_than(Duration::from_secs(60)).is_empty());
        assert_eq!(queue.take_older_than(Duration::ZERO), [2, 1]);
        queue.push(Lane::Ordinary, 3).unwrap();
        assert_eq!(queue.pop(), Some(3));
    }

    #[test]
    fn closing_serves_what_waits_and_wakes_who_waits() {
        let queue = Queue::new(2);
        queue.push(Lane::Ordinary, 1).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| (queue.pop(), queue.pop()));
            queue.close();
            assert_eq!(waiter.join().unwrap(), (Some(1), None));
        });
        assert_eq!(queue.push(Lane::Ordinary, 2), Err(2));
    }
}
