//! A desktop session of one test's own: two buses, an X server, a notification server, all in a
//! temporary folder and gone with it.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::bus::Bus;
use crate::dunst::Dunst;
use crate::fake_pinentry::FakePinentry;
use crate::process::{Process, eventually};

/// The session.
pub struct Stage {
    pub session: Bus,
    pub system: Bus,
    pub pinentry: FakePinentry,
    display: String,
    _x_server: Process,
    notification_server: Option<Process>,
    folder: TempDir,
}

impl Stage {
    /// `None`, said loudly, where a program is missing; a failure where it must not be.
    pub async fn set() -> Option<Self> {
        for program in ["dbus-daemon", "Xvfb", "dunst"] {
            if !installed(program) {
                assert!(std::env::var_os("CI").is_none(), "{program} is missing");
                eprintln!("SKIPPED: {program} is not installed");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (x_server, display) = start_x_server(folder.path());
        let mut stage = Self {
            session: Bus::start(folder.path(), "session"),
            system: Bus::start(folder.path(), "system"),
            pinentry: FakePinentry::install(folder.path()),
            display,
            _x_server: x_server,
            notification_server: None,
            folder,
        };
        stage.start_dunst().await;
        Some(stage)
    }

    /// Starts the notification server, or another one after it.
    pub async fn start_dunst(&mut self) {
        if let Some(former) = self.notification_server.take() {
            drop(former);
            eventually("the server's leave", async || {
                !self.session.has("org.freedesktop.Notifications").await
            })
            .await;
        }
        let config = self.folder.path().join("dunstrc");
        // The context menu's program picks the entry of one button.
        let menu = format!(
            "/usr/bin/env grep -m1 -f {}",
            self.wanted_button().display()
        );
        fs::write(
            &config,
            format!("[global]\n markup = full\n dmenu = {menu}\n"),
        )
        .unwrap();
        self.reach_for("Reject");
        let log = File::create(self.folder.path().join("dunst.log")).unwrap();
        self.notification_server = Some(Process::start(
            self.in_session(Command::new("dunst").arg("-conf").arg(config))
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        ));
        eventually("a notification server", async || {
            self.session.has("org.freedesktop.Notifications").await
        })
        .await;
    }

    /// Which button is pressed next.
    pub fn reach_for(&self, button: &str) {
        fs::write(self.wanted_button(), format!("{button}\n")).unwrap();
    }

    fn wanted_button(&self) -> PathBuf {
        self.folder.path().join("wanted-button")
    }

    /// Starts the agent; its log goes to `agent.log`.
    pub async fn start_agent(&self) -> Process {
        let agent = Process::start(&mut self.agent_command());
        eventually("the agent's name", async || {
            self.session.has("org.symbolon.Agent1").await
        })
        .await;
        agent
    }

    /// Waits until the bus has noticed that the agent is dead.
    pub async fn agent_gone(&self) {
        eventually("the loss of the agent's name", async || {
            !self.session.has("org.symbolon.Agent1").await
        })
        .await;
    }

    pub fn agent_command(&self) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("agent.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon-agent"));
        command
            .arg("--system-bus")
            .arg(&self.system.address)
            .arg("--pinentry")
            .arg(&self.pinentry.program)
            .env("RUST_LOG", "trace")
            .env_remove("JOURNAL_STREAM")
            .env_remove("XDG_SESSION_ID")
            .stderr(log.unwrap());
        self.in_session(&mut command);
        command
    }

    pub fn agent_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("agent.log")).unwrap()
    }

    /// How the session's notification server is driven.
    pub async fn dunst(&self) -> Dunst {
        Dunst(self.session.connect().await)
    }

    fn in_session<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.session.address)
            .env("DISPLAY", &self.display)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
    }
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The server picks a free display number itself and writes it to the pipe.
fn start_x_server(folder: &Path) -> (Process, String) {
    let (mut reading, writing) = std::io::pipe().unwrap();
    let writing: OwnedFd = writing.into();
    let inherited = rustix::io::fcntl_getfd(&writing).unwrap() - rustix::io::FdFlags::CLOEXEC;
    rustix::io::fcntl_setfd(&writing, inherited).unwrap();
    let log = File::create(folder.join("xvfb.log")).unwrap();
    let server = Process::start(
        Command::new("Xvfb")
            .arg("-displayfd")
            .arg(writing.as_raw_fd().to_string())
            .args(["-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log),
    );
    drop(writing);
    let mut number = String::new();
    let mut octet = [0];
    while reading.read(&mut octet).unwrap() == 1 && octet[0] != b'\n' {
        number.push(char::from(octet[0]));
    }
    (server, format!(":{number}"))
}
