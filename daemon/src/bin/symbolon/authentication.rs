//! polkit's own agent at the person's terminal. Over SSH there is no other, and without one polkit
//! can ask nobody to authenticate.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::terminal::Terminal;

/// Longer than it takes to be known to polkit; without it the daemon says what is missing.
const TO_BEGIN: Duration = Duration::from_secs(5);

/// An agent for this process alone, until it is dropped.
pub(crate) struct Authentication(Option<Child>);

impl Authentication {
    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Starts one where somebody could be asked. Root never is. It goes before a desktop's agent:
    /// whoever typed the command is at this terminal. (As a fallback, polkit would use it only for
    /// processes of a session.)
    pub(crate) async fn offer(bus: Option<&str>) -> Self {
        if rustix::process::getuid().is_root() || Terminal::open().is_none() {
            return Self(None);
        }
        Self(begin(bus).await)
    }
}

/// Starts the agent, and waits until it closes what it was given to tell that polkit knows it.
async fn begin(bus: Option<&str>) -> Option<Child> {
    let (told, teller) = std::io::pipe().ok()?;
    let mut command = Command::new("pkttyagent");
    command
        .args(["--notify-fd", "1"])
        .stdin(Stdio::null())
        .stdout(teller);
    if let Some(bus) = bus {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
    }
    let child = command.spawn().ok()?;
    // The command holds the other end as well.
    drop(command);
    if let Ok(mut told) = Receiver::from_owned_fd(told.into()) {
        let end = told.read_u8();
        let _ = tokio::time::timeout(TO_BEGIN, end).await;
    }
    Some(child)
}

impl Drop for Authentication {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // By a signal that lets it give the terminal its echo back.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            let _ = child.wait();
        }
    }
}
