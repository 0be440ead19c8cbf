//! A screen that nobody sees, for programs that need one.

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

use crate::process::Running;

/// A running X server.
pub struct XServer {
    _process: Running,
    display: String,
}

impl XServer {
    /// Starts Xvfb at a display that is free, which it tells by a pipe.
    pub fn start(logs: &Path) -> Self {
        let (mut reading, writing) = std::io::pipe().unwrap();
        let writing: OwnedFd = writing.into();
        let inherited = fcntl_getfd(&writing).unwrap() - FdFlags::CLOEXEC;
        fcntl_setfd(&writing, inherited).unwrap();
        let mut command = Command::new("Xvfb");
        command
            .arg("-displayfd")
            .arg(writing.as_raw_fd().to_string())
            .args([
                "-screen",
                "0",
                "1024x768x24",
                "-nolisten",
                "tcp",
                "-noreset",
            ]);
        let process = Running::start("xvfb", logs, &mut command);
        drop(writing);
        let mut number = String::new();
        let mut octet = [0];
        // It keeps the pipe open.
        while reading.read(&mut octet).unwrap() == 1 && octet[0] != b'\n' {
            number.push(char::from(octet[0]));
        }
        Self {
            _process: process,
            display: format!(":{number}"),
        }
    }

    /// Its name, for `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}
