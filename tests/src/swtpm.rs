//! A TPM of one's own: swtpm on two TCP ports, with its state in a folder.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;

use crate::eventually::SOON;
use crate::folder;
use crate::process::Running;

/// How often other ports are tried when somebody else took ours first.
const ATTEMPTS: usize = 20;

/// A running swtpm. Commands go to its port, control commands to the next one, as libtss2's
/// `swtpm` TCTI expects.
pub struct Swtpm {
    process: Running,
    port: u16,
    state: PathBuf,
    logs: PathBuf,
}

impl Swtpm {
    /// Starts one on the state in `state`, which may be empty, on free ports.
    pub fn start(state: &Path, logs: &Path) -> Self {
        std::fs::create_dir_all(state).unwrap();
        for _ in 0..ATTEMPTS {
            let port = free_pair_of_ports();
            if let Some(process) = launch(state, logs, port) {
                return Self {
                    process,
                    port,
                    state: state.into(),
                    logs: logs.into(),
                };
            }
        }
        panic!("swtpm found no free ports in {ATTEMPTS} attempts");
    }

    /// Its command port; the control port is the next one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How libtss2 reaches it.
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// Its process id, for whoever kills it at a moment of their own.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Ends it without warning, as a power cut does.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again on the same state and ports: a machine that boots.
    pub fn restart(&mut self) {
        self.process.kill9();
        let launched = (0..ATTEMPTS).find_map(|_| launch(&self.state, &self.logs, self.port));
        self.process = launched.expect("swtpm starts again on its own ports");
    }

    /// Copies its state: what a snapshot of a virtual machine holds.
    pub fn copy_state(&self, to: &Path) {
        folder::copy(&self.state, to);
    }
}

/// The TCTI configuration for the swtpm, or the proxy before it, at this port.
pub fn tcti(port: u16) -> String {
    format!("swtpm:host=127.0.0.1,port={port}")
}

/// Two neighbouring ports that nobody listens on, below the range from which the system hands out
/// ports by itself, so that other tests do not take them in between.
pub(crate) fn free_pair_of_ports() -> u16 {
    for _ in 0..1000 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        let port = 12_000 + u16::from_be_bytes(random) % 20_000;
        let both = (
            TcpListener::bind(("127.0.0.1", port)),
            TcpListener::bind(("127.0.0.1", port + 1)),
        );
        if let (Ok(_), Ok(_)) = both {
            return port;
        }
    }
    panic!("no two neighbouring ports are free");
}

/// `None` if it ended at once, which it does when a port is taken.
fn launch(state: &Path, logs: &Path, port: u16) -> Option<Running> {
    let mut process = Running::start(
        "swtpm",
        logs,
        Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", state.display()))
            .arg("--server")
            .arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"))
            .arg("--ctrl")
            .arg(format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1)),
    );
    let deadline = std::time::Instant::now() + SOON;
    while std::time::Instant::now() < deadline {
        if !process.is_running() {
            return None;
        }
        // The control port: it may be connected to and left without a word.
        if TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
            return process.is_running().then_some(process);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    None
}
