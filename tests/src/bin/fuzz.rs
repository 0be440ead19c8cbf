//! `make fuzz`: asks the relying-party API what nobody should ask it. `fuzz [REQUESTS [SEED]]`.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// As many as take some minutes.
const REQUESTS: u64 = 300_000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Ok(requests), Ok(seed)) = (
        arguments.next().unwrap_or(Ok(REQUESTS)),
        arguments.next().unwrap_or_else(|| Ok(now())),
    ) else {
        return ExitCode::from(2);
    };
    symbolon_tests::fuzz::run(seed, requests);
    ExitCode::SUCCESS
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
