//! How PINs and accounts stand, in words and exit codes.

use symbolon_daemon::bus::messages::{PinStanding, Verdict};
use symbolon_protocol::identifiers::KeyPurpose;

use crate::exit::{Exit, Failure};
use crate::local_time::{length, moment};

/// `PIN1` or `PIN2`.
pub(super) fn pin_name(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Authentication => "PIN1",
        KeyPurpose::Signing => "PIN2",
    }
}

/// What a PIN led to, if it was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// Wrong, and another try is allowed (or nobody knows).
    Wrong(String),
    /// No PIN is judged any more.
    Over(Exit, String),
}

/// Puts a verdict into words; `None` if the PIN was right.
pub(super) fn denial(verdict: Verdict) -> Option<Denial> {
    match verdict {
        Verdict::Accepted {} => None,
        Verdict::WrongPin { tries_left } => Some(Denial::Wrong(match tries_left {
            Some(tries) => format!("wrong PIN; {}", left(tries)),
            None => "wrong PIN".to_owned(),
        })),
        Verdict::Locked {
            by,
            until,
            remaining_seconds,
        } => Some(Denial::Over(
            Exit::Locked,
            locked(by, until, remaining_seconds),
        )),
        Verdict::Closed {} => Some(Denial::Over(Exit::AccountClosed, closed())),
    }
}

/// Fails if no PIN would be judged.
pub(super) fn require_open(standing: PinStanding) -> Result<Option<u32>, Failure> {
    match standing {
        PinStanding::Open { tries_left } => Ok(tries_left),
        PinStanding::Locked {
            by,
            until,
            remaining_seconds,
        } => Err(Failure::new(
            Exit::Locked,
            locked(by, until, remaining_seconds),
        )),
        PinStanding::Closed {} => Err(Failure::new(Exit::AccountClosed, closed())),
    }
}

/// One cell of a table.
pub(super) fn in_short(standing: PinStanding) -> String {
    match standing {
        PinStanding::Open {
            tries_left: Some(tries),
        } => left(tries),
        PinStanding::Open { tries_left: None } => "open".to_owned(),
        PinStanding::Locked {
            until: Some(until), ..
        } => format!("locked until {}", moment(until)),
        PinStanding::Locked { until: None, .. } => "locked".to_owned(),
        PinStanding::Closed {} => "closed".to_owned(),
    }
}

/// `1 try left`.
pub(super) fn left(tries: u32) -> String {
    match tries {
        1 => "1 try left".to_owned(),
        tries => format!("{tries} tries left"),
    }
}

fn locked(by: KeyPurpose, until: Option<i64>, remaining_seconds: Option<u32>) -> String {
    let pin = pin_name(by);
    match (until, remaining_seconds) {
        (Some(_), Some(0)) => {
            format!(
                "locked after wrong {pin} entries; the time is over, try again to have it released"
            )
        }
        (Some(until), Some(remaining)) => format!(
            "locked after wrong {pin} entries until {} (in {}); try again then",
            moment(until),
            length(remaining)
        ),
        (Some(until), None) => format!(
            "locked after wrong {pin} entries until {}; try again then",
            moment(until)
        ),
        (None, _) => format!(
            "locked after wrong {pin} entries; the service keeps the time and could not be asked, see: symbolon doctor"
        ),
    }
}

fn closed() -> String {
    "the account is closed for good and its certificates are revoked; enrol anew with a new code: symbolon enrol".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_denials_never_look_alike() {
        let wrong = denial(Verdict::WrongPin {
            tries_left: Some(1),
        });
        assert_eq!(wrong, Some(Denial::Wrong("wrong PIN; 1 try left".into())));
        let locked = denial(Verdict::Locked {
            by: KeyPurpose::Signing,
            until: Some(1_795_000_000),
            remaining_seconds: Some(10_799),
        });
        let Some(Denial::Over(Exit::Locked, text)) = locked else {
            panic!("{locked:?}");
        };
        assert!(
            text.contains("PIN2") && text.contains("in 3 h 0 min"),
            "{text}"
        );
        let closed = denial(Verdict::Closed {});
        assert!(matches!(closed, Some(Denial::Over(Exit::AccountClosed, _))));
        assert_eq!(denial(Verdict::Accepted {}), None);
    }
}
