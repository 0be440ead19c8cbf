//! For how long a relying party does not reach a person who said that they did not start what it
//! asked, as a pure function of what was said before and the time.

use std::time::Duration;

use crate::clock::Timestamp;

/// The first time. Somebody who types a stranger's number by mistake costs an honest relying party
/// no more than this.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// The longest; each time up to it is twice the one before.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Nothing said for so long, and it begins anew.
pub(super) const FORGIVEN_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a person said of a relying party's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mute {
    /// How many times in a row, none forgiven.
    pub strikes: u32,
    /// When last.
    pub reported_at: Timestamp,
    /// Until when it does not reach them.
    pub until: Timestamp,
}

impl Mute {
    /// What one more report makes of it.
    pub fn after_report(held: Option<Self>, now: Timestamp) -> Self {
        let earlier = held.filter(|held| !held.is_forgiven(now));
        if let Some(held) = earlier.filter(|held| held.is_in_force(now)) {
            // The request is older than the mute: the relying party did not come back for more.
            return Self {
                reported_at: now,
                ..held
            };
        }
        let strikes = earlier.map_or(0, |held| held.strikes).saturating_add(1);
        Self {
            strikes,
            reported_at: now,
            until: now.plus(lasts(strikes)),
        }
    }

    /// Whether the relying party does not reach the person.
    pub fn is_in_force(self, now: Timestamp) -> bool {
        now < self.until
    }

    fn is_forgiven(self, now: Timestamp) -> bool {
        self.reported_at.plus(FORGIVEN_AFTER) <= now
    }
}

fn lasts(strikes: u32) -> Duration {
    let factor = 2_u32.saturating_pow(strikes.saturating_sub(1));
    FIRST.saturating_mul(factor).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_000_000_000_000 + minutes * MINUTE)
    }

    fn held(strikes: u32, reported_at: i64, until: i64) -> Option<Mute> {
        Some(Mute {
            strikes,
            reported_at: at(reported_at),
            until: at(until),
        })
    }

    #[test]
    fn each_report_mutes_for_twice_as_long_up_to_a_day() {
        let day = DAY / MINUTE;
        let week = 7 * day;
        let cases = [
            (None, held(1, 0, 10)),
            (held(1, -11, -1), held(2, 0, 20)),
            (held(2, -100, -80), held(3, 0, 40)),
            (held(7, -day, -100), held(8, 0, 1280)),
            (held(8, -2 * day, -100), held(9, 0, day)),
            (held(u32::MAX, -2 * day, -100), held(u32::MAX, 0, day)),
            // The moment at which it ends is no part of it.
            (held(1, -10, 0), held(2, 0, 20)),
            // One more that was asked before the mute.
            (held(3, -1, 39), held(3, 0, 39)),
            // Forgiven after a week, not a minute earlier.
            (held(8, 1 - week, -100), held(9, 0, day)),
            (held(8, -week, -100), held(1, 0, 10)),
        ];
        for (before, after) in cases {
            assert_eq!(Some(Mute::after_report(before, at(0))), after, "{before:?}");
        }
    }

    #[test]
    fn it_is_in_force_until_its_end() {
        for (until, in_force) in [(1, true), (0, false), (-1, false)] {
            let mute = held(1, -10, until).unwrap();
            assert_eq!(mute.is_in_force(at(0)), in_force, "{until}");
        }
    }
}
