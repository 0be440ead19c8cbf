//! A journal of one's own: systemd's real daemon, in a mount namespace that hides the machine's.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::eventually::{SOON, eventually, until};
use crate::folder::Folder;
use crate::process::Running;
use crate::requirements;

/// Set in a process that was started in a namespace of its own.
const INSIDE: &str = "SYMBOLON_TEST_JOURNAL";
const DAEMON: &str = "/usr/lib/systemd/systemd-journald";
const STREAM: &str = "/run/systemd/journal/stdout";
const FILES: &str = "/run/log/journal";

/// The journal of this process and of all that it starts.
pub struct Journal {
    _daemon: Running,
    _folder: Folder,
}

impl Journal {
    /// In the process that this one starts for the test of that name; `None` in this one, which has
    /// seen that succeed, and where something is missing.
    pub fn of_test(test: &str) -> Option<Self> {
        if is_private() {
            return Some(Self::start());
        }
        if !requirements::is_root("hide the machine's journal from a test") {
            return None;
        }
        if !Path::new(DAEMON).exists() || requirements::find_program("unshare").is_none() {
            requirements::skipped("systemd-journald, unshare (packages systemd, util-linux)");
            return None;
        }
        let status = Command::new("unshare")
            .args(["--mount", "--propagation", "private"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1")
            .status()
            .unwrap();
        assert!(status.success(), "{test} failed in its own namespace");
        None
    }

    fn start() -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "tmpfs", "/run"])
            .status();
        assert!(mounted.unwrap().success(), "/run is hidden");
        // Where there is a folder, the daemon keeps files.
        std::fs::create_dir_all(FILES).unwrap();
        std::fs::create_dir_all("/run/systemd/journal").unwrap();
        let folder = Folder::new("journal");
        let mut command = Command::new(DAEMON);
        let daemon = Running::start("journald", &folder.logs(), &mut command);
        until("the journal's socket", SOON, || Path::new(STREAM).exists());
        Self {
            _daemon: daemon,
            _folder: folder,
        }
    }

    /// The first entry in which all these fields have these values.
    pub fn entry(&self, fields: &[(&str, &str)]) -> Value {
        let matches: Vec<_> = fields
            .iter()
            .map(|(name, v)| format!("{name}={v}"))
            .collect();
        eventually(&matches.join(" "), SOON, || {
            self.entries(&matches).into_iter().next()
        })
    }

    /// Every entry.
    pub fn all(&self) -> Vec<Value> {
        self.entries(&[])
    }

    /// As `journalctl` finds them, which is what an administrator types.
    #[allow(clippy::unused_self, reason = "there is none to ask without")]
    fn entries(&self, matches: &[String]) -> Vec<Value> {
        let output = Command::new("journalctl")
            .args(["--no-pager", "--output=json", "--all", "--directory", FILES])
            .args(matches)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Whether what this process starts writes to a journal of the test's own.
pub(crate) fn is_private() -> bool {
    std::env::var_os(INSIDE).is_some()
}
