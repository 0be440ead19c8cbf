//! A TPM of one's own: swtpm on two TCP ports, with its state in a folder.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;

use crate::eventually::SOON;
use crate::folder;
use crate::process::Running;
use crate::tpm_proxy::read_message;

/// How often other ports are tried when somebody else took ours first.
const ATTEMPTS: usize = 20;

/// TPM2_FlushContext, TPM2_GetCapability, TPM_CAP_HANDLES, and where the handles of NV
/// indices, transient objects and loaded sessions begin (TPM 2.0 Part 2 sections 6.5.2, 6.12 and 7.4).
const FLUSH_CONTEXT: u32 = 0x165;
const GET_CAPABILITY: u32 = 0x17a;
const CAP_HANDLES: u32 = 1;
const NV_INDICES: u32 = 0x0100_0000;
const TRANSIENT: u32 = 0x8000_0000;
const LOADED_SESSIONS: u32 = 0x0200_0000;

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

    /// Drops every session and transient object, as the kernel's resource manager does when the
    /// process that made them is gone. A swtpm has no resource manager before it.
    pub fn forget_the_dead(&self) {
        for first in [TRANSIENT, LOADED_SESSIONS] {
            for handle in self.handles_from(first) {
                self.command(FLUSH_CONTEXT, &handle);
            }
        }
    }

    /// The NV indices that it holds. Only while nobody else is connected: it serves one at a time.
    pub fn nv_indices(&self) -> Vec<u32> {
        let handles = self.handles_from(NV_INDICES).into_iter();
        let handles = handles.map(u32::from_be_bytes);
        handles.filter(|handle| handle >> 24 == 1).collect()
    }

    fn handles_from(&self, first: u32) -> Vec<[u8; 4]> {
        let mut parameters = CAP_HANDLES.to_be_bytes().to_vec();
        parameters.extend(first.to_be_bytes());
        parameters.extend(64_u32.to_be_bytes());
        let answer = self.command(GET_CAPABILITY, &parameters);
        // After the header: more data, the capability, how many handles.
        let handles = answer.get(10 + 1 + 4 + 4..).unwrap_or_default();
        handles
            .chunks_exact(4)
            .filter_map(|handle| handle.try_into().ok())
            .collect()
    }

    /// One command without sessions.
    fn command(&self, code: u32, parameters: &[u8]) -> Vec<u8> {
        let mut command = vec![0x80, 1];
        command.extend((10 + parameters.len() as u32).to_be_bytes());
        command.extend(code.to_be_bytes());
        command.extend(parameters);
        let mut wire = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        wire.write_all(&command).unwrap();
        read_message(&mut wire).unwrap()
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
