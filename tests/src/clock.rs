//! Moved time, on the real program while it runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::requirements;

/// What one process takes for the time of day: the real time and an offset that grows. Its
/// monotonic clock, and so every timer in it, is left alone.
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
    ahead: Duration,
}

impl Clock {
    /// A clock that shows the right time as yet; `None` where libfaketime is not installed.
    pub fn start(folder: &Path) -> Option<Self> {
        let clock = Self {
            file: folder.join("time"),
            library: requirements::find_libfaketime()?,
            ahead: Duration::ZERO,
        };
        clock.write();
        Some(clock)
    }

    /// Puts a process that is about to be started under this clock.
    pub fn rules(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.ahead += by;
        self.write();
    }

    /// How far ahead of the real time it is.
    pub fn ahead(&self) -> Duration {
        self.ahead
    }

    /// Written aside and moved: the process may read at any moment.
    fn write(&self) {
        let aside = self.file.with_extension("new");
        std::fs::write(&aside, format!("+{}\n", self.ahead.as_secs())).unwrap();
        std::fs::rename(aside, &self.file).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn moves_the_time_of_another_program() {
        let folder = Folder::new("clock");
        let Some(mut clock) = Clock::start(folder.path()) else {
            requirements::skipped("libfaketime (package faketime)");
            return;
        };
        let seconds = |clock: &Clock| -> u64 {
            let mut date = Command::new("date");
            clock.rules(date.arg("+%s"));
            let output = date.output().unwrap();
            String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        };
        let before = seconds(&clock);
        clock.advance(Duration::from_secs(3 * 3600));
        let moved = seconds(&clock) - before;
        assert!((10_800..10_810).contains(&moved), "moved by {moved} s");
    }
}
