//! A terminal of its own with a command in it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::Command;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::eventually::{SOON, eventually};
use crate::process::Running;

/// Becomes the command, at the terminal whose name comes first.
const AT_TERMINAL: &str = r#"
    terminal="$1"
    shift
    exec setsid --ctty --wait "$@" <"$terminal" >"$terminal" 2>&1
"#;

/// A terminal.
pub struct Terminal {
    process: Running,
    keyboard: File,
    seen: String,
    /// Where to look for what is read next.
    read: usize,
}

impl Terminal {
    /// Runs a command in a new one; its output is on the terminal alone.
    pub fn run(name: &str, logs: &Path, command: &Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let terminal = ptsname(&keyboard, Vec::new()).unwrap();
        let flags = fcntl_getfl(&keyboard).unwrap();
        fcntl_setfl(&keyboard, flags | OFlags::NONBLOCK).unwrap();
        let mut at_terminal = Command::new("sh");
        at_terminal
            .args(["-c", AT_TERMINAL, "sh", terminal.to_str().unwrap()])
            .arg(command.get_program())
            .args(command.get_args());
        Self {
            process: Running::start(name, logs, &mut at_terminal),
            keyboard: keyboard.into(),
            seen: String::new(),
            read: 0,
        }
    }

    /// Waits until `text` is shown after what was waited for before.
    pub fn reads(&mut self, text: &str) -> &mut Self {
        self.read += eventually(&format!("{text:?} on the terminal"), SOON, || {
            self.look();
            let place = self.seen[self.read..].find(text)?;
            Some(place + text.len())
        });
        self
    }

    /// Types.
    pub fn types(&mut self, text: &str) -> &mut Self {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Waits for the command's end; its exit code.
    pub fn exit_code(&mut self) -> i32 {
        let status = eventually("the end of the command at the terminal", SOON, || {
            self.look();
            self.process.exit_status()
        });
        self.look();
        status.code().unwrap_or(-1)
    }

    /// All that was shown.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    fn look(&mut self) {
        let mut octets = [0; 4096];
        loop {
            match self.keyboard.read(&mut octets) {
                Ok(length @ 1..) => {
                    self.seen += &String::from_utf8_lossy(&octets[..length]);
                }
                // Nobody is at it as yet, or any more.
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- terminal ----\n{}", self.seen);
        }
    }
}
