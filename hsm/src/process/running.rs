//! One process in which a module runs: started, cut off, ended.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::net::Shutdown;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::child::{ARGUMENT, Told};
use super::socket::Socket;
use crate::address::TokenAddress;
use crate::token::Access;

/// How long a process that closed its connection may take to be gone.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// What systemd tells the program it started alone.
const NOT_INHERITED: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// For one operation, a module that works on OpenSSL takes some thousand small pieces of memory and
/// gives them back. glibc keeps 7 of each size at hand for a thread; with more, the operation is
/// 3 % faster. Other libraries do not know the variable.
const ALLOCATOR: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=500");

/// A process, until it has ended.
pub(crate) struct Running {
    /// A process's number may be another's once it is gone; this stays its own.
    process: OwnedFd,
    control: Mutex<Socket>,
    /// The connections of its workers.
    lines: Mutex<Vec<Weak<OwnedFd>>>,
    ending: Mutex<Option<Ending>>,
    told: Condvar,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nobody wanted it any more.
    Unwanted,
    /// It was ended because a call hung in the module.
    Hung,
    /// By itself.
    Died(String),
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unwanted => f.write_str("it was closed"),
            Self::Hung => f.write_str("another call hung in it"),
            Self::Died(how) => f.write_str(how),
        }
    }
}

impl Running {
    /// Starts one. The thread that calls must live at least as long as the process: Linux takes
    /// the end of that thread for the end of the parent (prctl(2), `PR_SET_PDEATHSIG`).
    pub(super) fn start(address: &TokenAddress) -> io::Result<(Child, Self)> {
        let (ours, theirs) = Socket::pair()?;
        let mut control = Socket::new(ours);
        control.send(&Told::Token(address.clone()))?;
        // Not by its path: an update may have put another program there.
        let mut command = Command::new("/proc/self/exe");
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        for variable in NOT_INHERITED {
            command.env_remove(variable);
        }
        // Whoever runs the program may know better.
        if std::env::var_os(ALLOCATOR.0).is_none() {
            command.env(ALLOCATOR.0, ALLOCATOR.1);
        }
        let mut child = command
            .arg(ARGUMENT)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // An interrupt from the terminal is for us, who end it in order.
            .process_group(0)
            .spawn()?;
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(process) => Ok((child, Self::new(process, control))),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    fn new(process: OwnedFd, control: Socket) -> Self {
        Self {
            process,
            control: Mutex::new(control),
            lines: Mutex::default(),
            ending: Mutex::default(),
            told: Condvar::new(),
        }
    }

    /// Gives it a worker, and returns the connection to that.
    pub(super) fn add_worker(&self, access: Access) -> io::Result<Socket> {
        let (ours, theirs) = Socket::pair()?;
        let line = Socket::new(ours);
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.retain(|line| line.strong_count() > 0);
            lines.push(Arc::downgrade(line.end()));
        }
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        control.send_with(&Told::Worker(access), &theirs)?;
        drop(control);
        match self.has_ended() {
            // Whoever cut the lines may not have seen this one.
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(line),
        }
    }

    /// Ends it at once, unless it has ended. Whoever waits for it does not any more, even if the
    /// process cannot be ended because it hangs in the kernel.
    pub(super) fn end(&self, why: Ending) {
        self.note(why);
        // What is gone already needs no signal.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.iter().filter_map(Weak::upgrade) {
            let _ = rustix::net::shutdown(&*line, Shutdown::Both);
        }
    }

    /// Lets it close its sessions and leave. Its workers' connections must be closed.
    pub(super) fn dismiss(&self) {
        self.note(Ending::Unwanted);
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = rustix::net::shutdown(&**control.end(), Shutdown::Both);
    }

    /// Whether there is no use in asking it anything.
    pub(super) fn has_ended(&self) -> bool {
        self.ending().is_some()
    }

    /// Notes how it ended; the first to say so is right.
    pub(super) fn note(&self, why: Ending) -> Ending {
        self.note_and(why, |_| {})
    }

    /// The same, and something that is done before anybody can see it.
    pub(super) fn note_and(&self, why: Ending, before: impl FnOnce(&Ending)) -> Ending {
        let mut ending = self.ending();
        let noted = ending.get_or_insert(why).clone();
        before(&noted);
        drop(ending);
        self.told.notify_all();
        noted
    }

    /// How it ended, for who found its connection closed.
    pub(super) fn how_it_ended(&self) -> Ending {
        let waited = self
            .told
            .wait_timeout_while(self.ending(), LAST_BREATH, |ending| ending.is_none());
        let ending = waited.unwrap_or_else(PoisonError::into_inner).0.clone();
        ending.unwrap_or_else(|| {
            let why = Ending::Died("it closed a connection".to_owned());
            self.end(why.clone());
            why
        })
    }

    fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Ending::Unwanted);
    }
}
