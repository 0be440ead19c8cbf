//! How long to wait before connecting again: full jitter, so that devices cut off together do not
//! come back together.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The waits between failed attempts.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    asked_by_service: Option<Duration>,
}

impl Backoff {
    /// An attempt succeeded: the next failure waits briefly again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The service wants at least this long between attempts (`retry:` of a stream).
    pub fn ask(&mut self, wait: Duration) {
        self.asked_by_service = Some(wait.min(LONGEST));
    }

    /// How many attempts failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// An attempt failed: how long to wait before the next.
    pub fn next_wait(&mut self) -> Duration {
        let ceiling = SHORTEST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let lowest = self.asked_by_service.unwrap_or(Duration::ZERO);
        lowest.max(ceiling.mul_f64(random_fraction()))
    }
}

fn random_fraction() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_five_minutes_and_starts_anew_after_success() {
        let mut backoff = Backoff::default();
        for failure in 0..40 {
            let ceiling = Duration::from_secs(1 << failure.min(16)).min(LONGEST);
            assert!(backoff.next_wait() <= ceiling, "failure {failure}");
        }
        backoff.succeeded();
        assert!(backoff.next_wait() <= SHORTEST);
    }

    #[test]
    fn waits_spread_over_the_whole_range() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.next_wait();
        }
        let waits: Vec<_> = (0..200).map(|_| backoff.next_wait()).collect();
        assert!(waits.iter().any(|wait| *wait < LONGEST / 4));
        assert!(waits.iter().any(|wait| *wait > LONGEST * 3 / 4));
    }

    #[test]
    fn never_comes_back_sooner_than_the_service_asked() {
        let mut backoff = Backoff::default();
        backoff.ask(Duration::from_secs(30));
        assert!(backoff.next_wait() >= Duration::from_secs(30));
    }
}
