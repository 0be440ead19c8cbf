//! A bus of a test's own with a played daemon on it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;
use zbus::Connection;

use crate::fake_daemon::FakeDaemon;

pub struct Stage {
    pub daemon: FakeDaemon,
    pub address: String,
    _bus: Bus,
    folder: TempDir,
}

struct Bus(Child);

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    /// `None`, said loudly, without a message bus; a failure where there must be one.
    pub async fn set() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Ok((bus, address)) = start_bus(folder.path()) else {
            assert!(std::env::var_os("CI").is_none(), "dbus-daemon is missing");
            eprintln!("SKIPPED: dbus-daemon is not installed");
            return None;
        };
        Some(Self {
            daemon: FakeDaemon::start(connect(&address).await).await,
            address,
            _bus: bus,
            folder,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
        command
            .args(["--bus", &self.address])
            .args(arguments)
            .env("TZ", "EET-2")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command as a script does: without a terminal, with `input` on standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut command = self.command(arguments);
        // A session of its own has no controlling terminal, whatever this test was started from.
        let program = command.get_program().to_owned();
        let mut alone = Command::new("setsid");
        alone.arg("--wait").arg(program).args(command.get_args());
        alone.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command = alone;
        let input = input.to_owned();
        finish(
            tokio::task::spawn_blocking(move || {
                let mut child = command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                // A command that does not read its input may be gone already.
                let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
                child.wait_with_output().unwrap()
            })
            .await
            .unwrap(),
        )
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub output: String,
    pub complaints: String,
}

fn finish(output: Output) -> Outcome {
    Outcome {
        code: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        complaints: String::from_utf8(output.stderr).unwrap(),
    }
}

pub async fn connect(address: &str) -> Connection {
    zbus::connection::Builder::address(address)
        .unwrap()
        .build()
        .await
        .unwrap()
}

/// A descriptor that the next started process inherits, holding `text`; its number is for `--…-fd`.
pub fn inherited(text: &str) -> (OwnedFd, String) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    let reader = OwnedFd::from(reader);
    let flags = rustix::io::fcntl_getfd(&reader).unwrap() - rustix::io::FdFlags::CLOEXEC;
    rustix::io::fcntl_setfd(&reader, flags).unwrap();
    let number = reader.as_raw_fd().to_string();
    (reader, number)
}

fn start_bus(folder: &Path) -> std::io::Result<(Bus, String)> {
    let config = folder.join("bus.conf");
    fs::write(
        &config,
        format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>"#,
            folder.join("bus.socket").display()
        ),
    )?;
    let mut child = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--print-address=1"])
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("bus.log"))?)
        .spawn()?;
    let output = child.stdout.take().unwrap();
    let bus = Bus(child);
    let mut address = String::new();
    BufReader::new(output).read_line(&mut address)?;
    Ok((bus, address.trim().to_owned()))
}
