//! The command line, as a person's scripts use it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{Running, Somebody, by, copy_of_program, program};
use crate::terminal::Terminal;
use crate::view::View;

/// Exit codes of `symbolon`.
pub mod code {
    /// Done.
    pub const DONE: i32 = 0;
    /// Failed for a reason without a code of its own.
    pub const FAILED: i32 = 1;
    /// Wrong use of the command.
    pub const USAGE: i32 = 2;
    /// Wrong PIN.
    pub const WRONG_PIN: i32 = 3;
    /// Locked.
    pub const LOCKED: i32 = 4;
    /// Account closed.
    pub const CLOSED: i32 = 5;
    /// The hardware cannot.
    pub const HARDWARE: i32 = 6;
    /// The service cannot be reached.
    pub const SERVICE_UNREACHABLE: i32 = 7;
    /// Not found, or over.
    pub const NOT_FOUND: i32 = 8;
    /// Not the caller's.
    pub const NOT_AUTHORISED: i32 = 9;
    /// Against the rules.
    pub const REFUSED: i32 = 10;
    /// No daemon.
    pub const DAEMON_UNREACHABLE: i32 = 11;
    /// The history was changed or is incomplete.
    pub const HISTORY_BROKEN: i32 = 12;
}

/// Runs `symbolon` against one bus.
#[derive(Clone)]
pub struct Cli {
    program: PathBuf,
    bus: String,
    log: PathBuf,
    user: Option<Somebody>,
    view: View,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Cli {
    /// For the bus at `bus`; what is said goes into a log as well.
    pub fn new(bus: &str, logs: &Path) -> Self {
        Self {
            program: program("symbolon"),
            bus: bus.into(),
            log: logs.join("cli.log"),
            user: None,
            view: View::default(),
        }
    }

    /// The same by somebody else, who gets a copy of the program in `folder`.
    pub fn by(&self, somebody: Somebody, folder: &Path) -> Self {
        Self {
            program: copy_of_program("symbolon", folder),
            user: Some(somebody),
            ..self.clone()
        }
    }

    /// The same with files of the test's own in the place of the machine's.
    pub fn seeing(&self, view: View) -> Self {
        let same = self.clone();
        Self { view, ..same }
    }

    /// Runs it with `secrets` on its standard input.
    pub fn run(&self, arguments: &[&str], secrets: &[&str]) -> Said {
        let mut command = self.command();
        let mut child = command
            .args(["--bus", &self.bus])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input: String = secrets.join("\n");
        input.push('\n');
        let mut stdin = child.stdin.take().unwrap();
        // A program that did not want it may have ended already.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.write_down(arguments, &said);
        said
    }

    /// Runs it with `--json`.
    pub fn json(&self, arguments: &[&str], secrets: &[&str]) -> Said {
        self.run(&[&["--json"], arguments].concat(), secrets)
    }

    /// Starts a command that runs until it is ended; what it prints is in its log.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Running {
        let mut command = self.command();
        let command = command.args(["--bus", &self.bus]).args(arguments);
        let logs = self.log.parent().unwrap_or(Path::new("."));
        Running::start(name, logs, command)
    }

    /// Starts a command at a terminal of its own.
    pub fn at_terminal(&self, arguments: &[&str]) -> Terminal {
        let mut command = self.command();
        command.args(["--bus", &self.bus]).args(arguments);
        let logs = self.log.parent().unwrap_or(Path::new("."));
        Terminal::run("terminal", logs, &command)
    }

    fn command(&self) -> Command {
        self.view.of(&by(self.user.as_ref(), &self.program))
    }

    fn write_down(&self, arguments: &[&str], said: &Said) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log);
        let Said { code, out, err } = said;
        writeln!(log.unwrap(), "{arguments:?} -> {code}\n{out}{err}").unwrap();
    }
}

impl Said {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// This run, if it ended with that code.
    ///
    /// # Panics
    /// If it did not.
    pub fn must_be(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}
