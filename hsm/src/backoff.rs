//! When a token that is out of order is asked again.

use std::time::{Duration, Instant};

use crate::error::HsmError;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// While a token is out of order, calls are refused at once, so that nobody waits for what will
/// not come; after each pause one call goes through to see. Pauses double.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    reason: String,
    failures: u32,
    ask_again_at: Instant,
    /// Whether a call is seeing how things are.
    asking: bool,
}

impl Backoff {
    /// Whether a call may go to the token now. Who is let through reports what came of it.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), HsmError> {
        match &mut self.trouble {
            None => Ok(()),
            Some(trouble) if !trouble.asking && trouble.ask_again_at <= now => {
                trouble.asking = true;
                Ok(())
            }
            Some(trouble) => Err(HsmError::OutOfOrder(trouble.reason.clone())),
        }
    }

    /// The token answered; what it answered does not matter. True if it had been out of order.
    pub(crate) fn answered(&mut self) -> bool {
        self.trouble.take().is_some()
    }

    /// The token was gone or did not answer. Calls that were under way when that was first seen
    /// fail too, and do not lengthen the pause.
    pub(crate) fn failed(&mut self, now: Instant, reason: String) {
        let failures = match &self.trouble {
            Some(trouble) if !trouble.asking => return,
            Some(trouble) => trouble.failures.saturating_add(1),
            None => 1,
        };
        self.trouble = Some(Trouble {
            reason,
            failures,
            ask_again_at: now + pause(failures),
            asking: false,
        });
    }

    /// What is wrong, if anything is.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.reason.as_str())
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        for (failures, milliseconds) in [
            (1, 250),
            (2, 500),
            (3, 1000),
            (7, 16_000),
            (8, 30_000),
            (u32::MAX, 30_000),
        ] {
            assert_eq!(pause(failures), Duration::from_millis(milliseconds));
        }
    }

    #[test]
    fn one_call_sees_how_things_are_and_the_others_are_refused() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut backoff = Backoff::default();
        assert!(backoff.admit(start).is_ok());
        backoff.failed(start, "gone".into());
        assert!(matches!(backoff.admit(at(249)), Err(HsmError::OutOfOrder(r)) if r == "gone"));
        assert!(backoff.admit(at(250)).is_ok());
        assert!(backoff.admit(at(251)).is_err());
        backoff.failed(at(300), "still gone".into());
        assert_eq!(backoff.reason(), Some("still gone"));
        assert!(backoff.admit(at(799)).is_err());
        assert!(backoff.admit(at(800)).is_ok());
        assert!(backoff.answered());
        assert!(backoff.admit(at(801)).is_ok() && backoff.admit(at(801)).is_ok());
        assert!(!backoff.answered());
    }

    #[test]
    fn calls_that_were_under_way_do_not_lengthen_the_pause() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..9 {
            backoff.failed(start, "hangs".into());
        }
        assert!(backoff.admit(start + FIRST_PAUSE).is_ok());
    }
}
