//! The service's clock. Everything that is stored or promised uses the system's wall clock; what
//! runs on the monotonic one (timers that wake a waiter) is a hint and is checked against this.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment by the wall clock, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// This moment.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// As it stands in the store.
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// For the store.
    pub fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole Unix seconds, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole Unix seconds, rounded up: for ends that must not be announced too early.
    pub fn seconds_rounded_up(self) -> i64 {
        self.0.saturating_add(999).div_euclid(1000)
    }

    /// What is left from `now` until this moment; zero if it has passed.
    pub fn remaining(self, now: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0))
    }

    /// The moment `duration` later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment `duration` earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(moment.0).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        let since_epoch = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
