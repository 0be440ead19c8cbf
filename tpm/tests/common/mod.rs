//! A software TPM of each test's own: own folder, own ports, killed when dropped.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code: a failed step fails the test"
)]

pub mod loot;
pub mod proxy;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use symbolon_tpm::TpmVault;
use symbolon_vault::Vault;
use symbolon_vault::conformance::Bench;
use tempfile::TempDir;

/// A running swtpm.
pub struct Swtpm {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Swtpm {
    /// Starts one with fresh contents. `None`, and a word about it, where swtpm is not installed;
    /// where `CI` is set it has to be.
    pub fn start() -> Option<Self> {
        if let Err(error) = Command::new("swtpm").arg("--version").output() {
            skip("swtpm", &error);
            return None;
        }
        // Others take ports too, between our finding two free ones and swtpm's binding them.
        for _ in 0..20 {
            let mut swtpm = Self {
                folder: TempDir::with_prefix("symbolon-tpm-").unwrap(),
                port: two_free_ports(),
                child: None,
            };
            if swtpm.try_power_on() {
                return Some(swtpm);
            }
        }
        panic!("swtpm does not start");
    }

    /// How a vault gets there.
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// Of its command channel; the control channel is the next one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its contents are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn try_power_on(&mut self) -> bool {
        let mut child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", self.folder.path().display()))
            .arg("--ctrl")
            .arg(format!("type=tcp,port={}", self.port + 1))
            .arg("--server")
            .arg(format!("type=tcp,port={}", self.port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port + 1)).is_ok() {
                self.child = Some(child);
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    /// SIGKILL, as a power cut.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again with the contents that it has.
    pub fn start_again(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.try_power_on() {
            assert!(Instant::now() < deadline, "swtpm does not start again");
        }
    }

    /// The process, for those who kill it from another thread.
    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Bench for Swtpm {
    fn vault(&self) -> Box<dyn Vault> {
        Box::new(TpmVault::open(&self.tcti(), None).unwrap())
    }

    fn power_off(&mut self) {
        self.kill();
    }

    fn power_on(&mut self) {
        self.start_again();
    }
}

/// Says loudly that a test is left out; where `CI` is set, none may be.
pub fn skip(missing: &str, error: &std::io::Error) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{missing} is missing: {error}"
    );
    eprintln!("SKIPPED: {missing} is not installed ({error})");
}

/// The TCTI string of a software TPM on this port.
pub fn tcti(port: u16) -> String {
    format!("swtpm:host=127.0.0.1,port={port}")
}

/// The first of two neighbouring ports that are free, below the range from which the system hands
/// out ports by itself: nobody takes them while a test has switched its TPM off.
pub fn two_free_ports() -> u16 {
    loop {
        let random = symbolon_protocol::random::random_octets(2).unwrap();
        let port = 12_000 + u16::from_be_bytes([random[0], random[1]]) % 20_000;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
}

/// A bench on a software TPM that the test keeps.
pub struct Borrowed(pub String);

impl Bench for Borrowed {
    fn vault(&self) -> Box<dyn Vault> {
        Box::new(TpmVault::open(&self.0, None).unwrap())
    }

    fn power_off(&mut self) {
        panic!("the test keeps the software TPM");
    }

    fn power_on(&mut self) {
        panic!("the test keeps the software TPM");
    }
}
