//! How often something was done in a second, and how long each took.

use std::time::Duration;

use crate::report::Report;

/// What many repetitions had in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    /// Half of them took no longer.
    pub(crate) p50: Duration,
    /// 99 of 100 took no longer.
    pub(crate) p99: Duration,
}

impl Pace {
    /// Of repetitions that took `times` each, and `whole` together.
    pub(crate) fn of(mut times: Vec<Duration>, whole: Duration) -> Self {
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        Self {
            per_second: times.len() as f64 / whole.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
        }
    }

    /// Adds its three figures, under names that begin with `name`.
    pub(crate) fn tell(&self, report: &mut Report, name: &str) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        report.add(format!("{name}_per_second"), self.per_second, "1/s");
        report.add(format!("{name}_p50_ms"), milliseconds(self.p50), "ms");
        report.add(format!("{name}_p99_ms"), milliseconds(self.p99), "ms");
    }
}

/// How often all of these could be done in a second, one after the other, each at its own pace.
pub(crate) fn in_turn(parts: &[f64]) -> f64 {
    1.0 / parts.iter().map(|per_second| 1.0 / per_second).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_off_sorted_times() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let pace = Pace::of(times, Duration::from_secs(4));
        assert_eq!(pace.per_second, 25.0);
        assert_eq!(pace.p50, Duration::from_millis(50));
        assert_eq!(pace.p99, Duration::from_millis(99));
        assert_eq!(in_turn(&[30.0, 60.0]), 20.0);
    }
}
