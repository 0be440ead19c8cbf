//! A process that dies with its owner, and whose output stands in a log.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually::eventually;
use crate::journal;
use crate::leftovers;

/// How long a process may take to end after it was asked to.
const TO_END: Duration = Duration::from_secs(10);

/// A running process of ours. Killed, by its own id alone, when dropped.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts it; what it prints is appended to `<logs>/<name>.log`.
    pub fn start(name: &str, logs: &Path, command: &mut Command) -> Self {
        let log = logs.join(format!("{name}.log"));
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()));
        if journal::is_private() {
            // What systemd says to a program whose standard error leads into the journal.
            let told = output.metadata().unwrap();
            command.env("JOURNAL_STREAM", format!("{}:{}", told.dev(), told.ino()));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        leftovers::note_process(Pid::from_child(&child));
        Self {
            name: name.to_owned(),
            child,
            log,
            ended: None,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
            if self.ended.is_some() {
                leftovers::forget_process(self.pid());
            }
        }
        self.ended
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.exit_status().is_none()
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        eventually(&what, limit, || self.exit_status())
    }

    /// Asks it to end, as a service manager does, and waits.
    ///
    /// # Panics
    /// If it does not end in time, or not of its own will.
    pub fn stop(&mut self) -> ExitStatus {
        if self.is_running() {
            kill_process(self.pid(), Signal::TERM).ok();
        }
        self.wait(TO_END)
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) {
        if self.is_running() {
            kill_process(self.pid(), Signal::KILL).ok();
        }
        self.wait(TO_END);
    }

    /// Waits until `ready` answers; gives up at once when the process is gone.
    pub fn wait_until_ready<T>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> T {
        let name = self.name.clone();
        eventually(&format!("{name} to be ready"), limit, || {
            if let Some(status) = self.exit_status() {
                panic!("{name} ended with {status} while starting:\n{}", self.log());
            }
            ready()
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit_status().is_none() {
            self.child.kill().ok();
            leftovers::forget_process(self.pid());
            self.child.wait().ok();
        }
    }
}

/// Whether the process was ended by this signal.
pub fn was_killed_by(status: ExitStatus, signal: Signal) -> bool {
    status.signal() == Some(signal.as_raw())
}

/// A user of this machine and the groups that they are in; only root can be somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Their number.
    pub uid: u32,
    /// Besides the one that has their number.
    pub groups: Vec<u32>,
}

impl Somebody {
    /// Somebody in no other group.
    pub fn alone(uid: u32) -> Self {
        let groups = Vec::new();
        Self { uid, groups }
    }
}

/// A command by this test's user or, with root's help, by somebody else.
pub fn by(somebody: Option<&Somebody>, program: &Path) -> Command {
    let Some(Somebody { uid, groups }) = somebody else {
        return Command::new(program);
    };
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={uid}")]);
    match groups.is_empty() {
        true => command.arg("--clear-groups"),
        false => command.arg(format!("--groups={}", groups.join(","))),
    };
    command.arg(program);
    command
}

/// A copy of a program of this workspace in `folder`, for somebody who may not be allowed into the
/// folder that it was built in.
pub fn copy_of_program(name: &str, folder: &Path) -> PathBuf {
    let copy = folder.join(name);
    if !copy.exists() {
        // By another process: a child that another test starts would inherit the open file for a
        // moment, and a program that is open for writing cannot be started.
        let copied = Command::new("cp").arg(program(name)).arg(&copy).status();
        assert!(copied.unwrap().success(), "cannot copy {name}");
    }
    copy
}

/// A program of this workspace, from the folder that this executable was built into.
///
/// # Panics
/// If it has not been built; `cargo test -p symbolon-tests` does not build other packages.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{name} is not built beside {}; run `cargo build --workspace --bins` first",
                own.display()
            )
        })
}
