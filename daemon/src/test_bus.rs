//! A message bus of a test's own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A bus of its own; it ends with the test.
pub(crate) struct Bus {
    daemon: Child,
    pub(crate) address: String,
    _folder: TempDir,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Bus {
    /// `None`, said loudly, without a message bus; a failure where there must be one.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let started = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1", "--address"])
            .arg(format!("unix:dir={}", folder.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut daemon) = started else {
            assert!(std::env::var_os("CI").is_none(), "dbus-daemon is missing");
            eprintln!("SKIPPED: dbus-daemon is missing");
            return None;
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Some(Self {
            daemon,
            address: address.trim().to_owned(),
            _folder: folder,
        })
    }
}
