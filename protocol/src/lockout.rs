//! The lockout ladder: 3 wrong PINs, 3 more, 3 more, each as a pure function of what hardware reads.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The limits of the ladder: the count at which the first, second and last lock begins.
pub const LIMITS: [u32; 3] = [3, 6, 9];

/// A PIN's counter as the hardware holds it (TPM 2.0 Part 2, `TPMS_NV_PIN_COUNTER_PARAMETERS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCount {
    /// Wrong PINs since the last right one.
    pub failures: u32,
    /// The count at which the hardware stops judging PINs: 3, 6 or 9.
    pub limit: u32,
}

impl PinCount {
    /// How many more PINs the hardware will judge.
    pub fn tries_left(self) -> u32 {
        self.limit.saturating_sub(self.failures)
    }

    /// Whether the hardware judges no PIN at all.
    pub fn is_locked(self) -> bool {
        self.tries_left() == 0
    }
}

/// What a lock at some count means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// PINs are judged.
    Open,
    /// Locked until the service releases it, this long after it learned of the lock.
    Timed {
        /// How long.
        lasts: Duration,
        /// The limit that the release will set.
        next_limit: u32,
    },
    /// No release exists.
    Permanent,
}

/// What the count that a PIN's hardware certified means. The counter tells the rung of the ladder
/// by its limit, so nothing but the hardware needs to remember it.
pub fn stage_of(count: PinCount) -> Stage {
    const HOUR: Duration = Duration::from_secs(3600);
    let [first, second, _] = LIMITS;
    if !count.is_locked() {
        Stage::Open
    } else if count.limit <= first {
        Stage::Timed {
            lasts: 3 * HOUR,
            next_limit: LIMITS[1],
        }
    } else if count.limit <= second {
        Stage::Timed {
            lasts: 24 * HOUR,
            next_limit: LIMITS[2],
        }
    } else {
        Stage::Permanent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(failures: u32, limit: u32) -> Stage {
        stage_of(PinCount { failures, limit })
    }

    #[test]
    fn the_ladder_is_three_hours_a_day_and_for_good() {
        let hours = |hours: u64, next_limit| Stage::Timed {
            lasts: Duration::from_secs(hours * 3600),
            next_limit,
        };
        for (failures, limit, expected) in [
            (0, 3, Stage::Open),
            (2, 3, Stage::Open),
            (3, 3, hours(3, 6)),
            (3, 6, Stage::Open),
            (5, 6, Stage::Open),
            (6, 6, hours(24, 9)),
            (6, 9, Stage::Open),
            (8, 9, Stage::Open),
            (9, 9, Stage::Permanent),
        ] {
            assert_eq!(stage(failures, limit), expected, "{failures} of {limit}");
        }
    }

    #[test]
    fn counters_that_no_ladder_makes_are_never_open_once_exhausted() {
        assert_ne!(stage(0, 0), Stage::Open);
        assert_ne!(stage(4, 3), Stage::Open);
        assert_eq!(stage(12, 12), Stage::Permanent);
        assert_eq!(stage(u32::MAX, u32::MAX), Stage::Permanent);
        assert_eq!(stage(7, 7), Stage::Permanent);
    }

    #[test]
    fn tries_left_never_go_below_none() {
        let count = PinCount {
            failures: 5,
            limit: 3,
        };
        assert_eq!(count.tries_left(), 0);
        assert!(count.is_locked());
    }
}
