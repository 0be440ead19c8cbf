//! This machine's clock. Only for what people are shown: time that matters is the service's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix seconds.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The whole seconds from now until `moment`; 0 if it is over.
pub fn seconds_until(moment: i64) -> u32 {
    u32::try_from(moment.saturating_sub(now()).max(0)).unwrap_or(u32::MAX)
}
