//! Unix seconds as the clock on the wall shows them.
#![allow(unsafe_code)] // localtime_r knows the machine's time zone; nothing we depend on does.

use time::{Date, Month, PrimitiveDateTime, Time};

/// `seconds` in local time, e.g. `2026-11-23 14:05`.
pub(crate) fn moment(seconds: i64) -> String {
    let Some(local) = local(seconds) else {
        return format!("{seconds} s after 1970");
    };
    let (date, time) = (local.date(), local.time());
    format!("{date} {:02}:{:02}", time.hour(), time.minute())
}

/// A length of time, e.g. `2 h 59 min`.
pub(crate) fn length(seconds: u32) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => {
            let minutes = seconds.div_ceil(60);
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

fn local(seconds: i64) -> Option<PrimitiveDateTime> {
    let clock: libc::time_t = seconds;
    // SAFETY: `tm` is plain integers and a pointer, for which zeroes are valid.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to live values of the right type; nothing here changes the environment.
    if unsafe { libc::localtime_r(&raw const clock, &raw mut parts) }.is_null() {
        return None;
    }
    let part = |value: libc::c_int| u8::try_from(value).ok();
    let month = Month::try_from(part(parts.tm_mon + 1)?).ok()?;
    let date = Date::from_calendar_date(parts.tm_year + 1900, month, part(parts.tm_mday)?).ok()?;
    let time = Time::from_hms(part(parts.tm_hour)?, part(parts.tm_min)?, 0).ok()?;
    Some(PrimitiveDateTime::new(date, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_at_a_glance() {
        assert_eq!(length(59), "59 s");
        assert_eq!(length(60), "1 min");
        assert_eq!(length(10_800), "3 h 0 min");
        assert_eq!(length(86_341), "24 h 0 min");
    }

    #[test]
    fn moments_have_a_date_and_a_time() {
        let shown = moment(1_795_000_000);
        assert!(shown.starts_with("2026-11-1"), "{shown}");
        assert_eq!(shown.len(), "2026-11-18 12:26".len(), "{shown}");
    }
}
