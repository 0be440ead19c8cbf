//! How long a session poll may wait: `timeoutMs`.

use std::time::Duration;

use super::problem::{Problem, Violation};

const SHORTEST_MS: i64 = 1_000;
const LONGEST_MS: i64 = 120_000;
/// The middle of the two.
pub(super) const DEFAULT_MS: i64 = 60_500;

/// How much earlier than `timeoutMs` the answer starts: some clients give up at `timeoutMs` and
/// 100 ms by their own clock, which started before the request reached us.
const MARGIN: Duration = Duration::from_millis(100);

/// How long to wait for a result. A whole number out of bounds means the nearest bound, because
/// clients exist that send such; anything else is refused.
pub(super) fn wait_for(timeout_ms: Option<&str>) -> Result<Duration, Problem> {
    let asked = match timeout_ms {
        None => DEFAULT_MS,
        Some(text) => whole_number(text).ok_or_else(|| {
            Problem::invalid(vec![Violation::of_parameter(
                "timeoutMs",
                "Invalid timeoutMs: must be an integer",
            )])
        })?,
    };
    let bounded = asked.clamp(SHORTEST_MS, LONGEST_MS).unsigned_abs();
    Ok(Duration::from_millis(bounded) - MARGIN)
}

fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| {
        let out_of_range = if text.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        };
        text.parse().unwrap_or(out_of_range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_starts_within_the_time_asked_for() {
        for (asked, milliseconds) in [
            (None, 60_400),
            (Some("30000"), 29_900),
            (Some("1000"), 900),
            (Some("120000"), 119_900),
        ] {
            assert_eq!(
                wait_for(asked),
                Ok(Duration::from_millis(milliseconds)),
                "{asked:?}"
            );
        }
    }

    #[test]
    fn numbers_out_of_bounds_mean_the_nearest_bound() {
        for (asked, milliseconds) in [
            ("0", 900),
            ("-5", 900),
            ("999", 900),
            ("120001", 119_900),
            ("99999999999999999999999", 119_900),
            ("-99999999999999999999999", 900),
        ] {
            assert_eq!(
                wait_for(Some(asked)),
                Ok(Duration::from_millis(milliseconds)),
                "{asked}"
            );
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        for asked in ["", "-", "abc", "1e4", "30000.5", " 30000", "0x1000", "٣"] {
            let problem = wait_for(Some(asked)).expect_err(asked);
            assert_eq!(problem.status(), 400, "{asked}");
            assert_eq!(
                problem.errors()[0].param_name.as_deref(),
                Some("timeoutMs"),
                "{asked}"
            );
        }
    }
}
