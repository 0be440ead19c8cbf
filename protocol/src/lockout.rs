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
