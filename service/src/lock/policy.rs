//! What a certified reading means, as a pure function of reading, held lock and time.

use std::time::Duration;

use symbolon_protocol::lockout::{PinCount, Stage, stage_of};

use crate::clock::Timestamp;

/// For how long after its release a lock still answers a reading of the same limit. A device that
/// lost the release on its way asks again within that time; afterwards a counter at the same
/// limit means that a right PIN had cleared it and new wrong ones filled it, which is a new lock.
const RELEASE_HOLDS: Duration = Duration::from_secs(60 * 60);

/// The lock that the service holds for one PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLock {
    /// The limit that the counter had reached: 3 or 6.
    pub reached_limit: u32,
    /// When a release may be asked for.
    pub until: Timestamp,
    /// When the first release was signed, if one was.
    pub released_at: Option<Timestamp>,
}

/// What to do about a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The counter is not at its limit.
    NotLocked,
    /// It is the lock that is held already; its time goes on.
    Held,
    /// A lock begins.
    Begin {
        /// When a release may be asked for.
        until: Timestamp,
    },
    /// The last lock: the account is closed.
    Close,
}

/// Judges a certified reading.
pub fn judge(count: PinCount, held: Option<HeldLock>, now: Timestamp) -> Verdict {
    match stage_of(count) {
        Stage::Open => Verdict::NotLocked,
        Stage::Permanent => Verdict::Close,
        Stage::Timed { lasts, .. } => match held {
            Some(lock) if lock.reached_limit == count.limit && lock.is_in_force(now) => {
                Verdict::Held
            }
            _ => Verdict::Begin {
                until: now.plus(lasts),
            },
        },
    }
}

impl HeldLock {
    /// Whether a reading of the same limit is about this lock.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.released_at
            .is_none_or(|released_at| now < released_at.plus(RELEASE_HOLDS))
    }

    /// Whether a release may be signed.
    pub fn is_releasable(&self, now: Timestamp) -> bool {
        self.until <= now && self.is_in_force(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_000_000_000_000 + hours * HOUR)
    }

    fn count(failures: u32, limit: u32) -> PinCount {
        PinCount { failures, limit }
    }

    fn held(reached_limit: u32, until: i64, released_at: Option<i64>) -> Option<HeldLock> {
        Some(HeldLock {
            reached_limit,
            until: at(until),
            released_at: released_at.map(at),
        })
    }

    #[test]
    fn every_reading_has_its_verdict() {
        use Verdict::{Begin, Close, Held, NotLocked};
        let cases = [
            // Not at the limit, whatever is held.
            (count(0, 3), None, NotLocked),
            (count(2, 3), None, NotLocked),
            (count(3, 6), held(3, 0, Some(0)), NotLocked),
            (count(5, 6), None, NotLocked),
            (count(8, 9), None, NotLocked),
            // The ladder.
            (count(3, 3), None, Begin { until: at(3) }),
            (count(6, 6), None, Begin { until: at(24) }),
            (count(9, 9), None, Close),
            // The same lock again does not begin anew.
            (count(3, 3), held(3, 2, None), Held),
            (count(3, 3), held(3, -5, None), Held),
            (count(6, 6), held(6, 20, None), Held),
            // Released, but the release got lost.
            (count(3, 3), held(3, -1, Some(0)), Held),
            // Released long ago: a right PIN must have come between.
            (count(3, 3), held(3, -5, Some(-1)), Begin { until: at(3) }),
            (count(6, 6), held(6, -5, Some(-2)), Begin { until: at(24) }),
            // The next stage, with the first one released or not.
            (count(6, 6), held(3, -1, Some(0)), Begin { until: at(24) }),
            (count(6, 6), held(3, 2, None), Begin { until: at(24) }),
            (count(9, 9), held(6, -1, Some(0)), Close),
            // The ladder began anew in the hardware: only a right PIN does that.
            (count(3, 3), held(6, 20, None), Begin { until: at(3) }),
            // A counter above its limit, and limits that nobody set.
            (count(4, 3), None, Begin { until: at(3) }),
            (count(0, 0), None, Begin { until: at(3) }),
            (count(12, 12), None, Close),
        ];
        for (number, (reading, lock, verdict)) in cases.into_iter().enumerate() {
            assert_eq!(judge(reading, lock, at(0)), verdict, "case {number}");
        }
    }

    #[test]
    fn a_release_waits_for_the_time_and_can_be_asked_for_again_for_an_hour() {
        let cases = [
            (held(3, 1, None), false),
            (held(3, 0, None), true),
            (held(3, -100, None), true),
            (held(3, -1, Some(0)), true),
            (held(3, -5, Some(-1)), false),
        ];
        for (number, (lock, releasable)) in cases.into_iter().enumerate() {
            assert_eq!(
                lock.unwrap().is_releasable(at(0)),
                releasable,
                "case {number}"
            );
        }
    }
}
