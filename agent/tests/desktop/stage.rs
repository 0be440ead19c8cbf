//! A desktop session of one test's own: two buses, an X server, a notification server, all in a
//! temporary folder and gone with it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tempfile::TempDir;
use zbus::names::BusName;
use zbus::{Connection, Message, MessageStream};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "never came about: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A process that ends with its test.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).unwrap();
    }

    pub async fn ended(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        eventually("the end of a process", async || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A message bus.
pub struct Bus {
    pub address: String,
    _process: Process,
}

impl Bus {
    fn start(folder: &Path, name: &str) -> Self {
        let config = folder.join(format!("{name}.conf"));
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
                folder.join(format!("{name}.socket")).display()
            ),
        )
        .unwrap();
        let mut child = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join(format!("{name}.log"))).unwrap())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            address: address.trim().to_owned(),
            _process: Process(child),
        }
    }

    pub async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address.as_str())
            .unwrap()
            .build()
            .await
            .unwrap()
    }

    pub async fn has(&self, name: &str) -> bool {
        let bus = zbus::fdo::DBusProxy::new(&self.connect().await)
            .await
            .unwrap();
        let name = BusName::try_from(name.to_owned()).unwrap();
        bus.name_has_owner(name).await.unwrap()
    }

    /// Everything that passes on this bus from now on.
    pub async fn record(&self) -> Recording {
        let connection = self.connect().await;
        let mut passing = MessageStream::from(&connection);
        zbus::fdo::MonitoringProxy::new(&connection)
            .await
            .unwrap()
            .become_monitor(&[], 0)
            .await
            .unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            let _connection = connection;
            while let Some(Ok(message)) = passing.next().await {
                kept.lock().unwrap().push(message);
            }
        });
        Recording(messages)
    }
}

/// What passed on a bus.
pub struct Recording(Arc<Mutex<Vec<Message>>>);

impl Recording {
    /// The calls and signals of this name.
    pub fn named(&self, member: &str) -> Vec<Message> {
        let messages = self.0.lock().unwrap();
        let named = messages.iter().filter(|message| {
            message
                .header()
                .member()
                .is_some_and(|name| name.as_str() == member)
        });
        named.cloned().collect()
    }

    /// Whether any message's body holds these octets.
    pub fn holds(&self, octets: &[u8]) -> bool {
        let messages = self.0.lock().unwrap();
        messages.iter().any(|message| {
            let body = message.body();
            body.data()
                .windows(octets.len())
                .any(|window| window == octets)
        })
    }
}

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
        // The context menu's program picks the entry of the button "Reject".
        fs::write(
            &config,
            "[global]\n markup = full\n dmenu = /usr/bin/env grep -m1 Reject\n",
        )
        .unwrap();
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

/// The notification server's own interface.
pub struct Dunst(Connection);

impl Dunst {
    async fn call<B>(&self, member: &str, body: &B) -> Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.0
            .call_method(
                Some("org.freedesktop.Notifications"),
                "/org/freedesktop/Notifications",
                Some("org.dunstproject.cmd0"),
                member,
                body,
            )
            .await
            .unwrap()
    }

    /// How many notifications are on the screen.
    pub async fn displayed(&self) -> u32 {
        let reply = self
            .0
            .call_method(
                Some("org.freedesktop.Notifications"),
                "/org/freedesktop/Notifications",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &("org.dunstproject.cmd0", "displayedLength"),
            )
            .await
            .unwrap();
        let value: zbus::zvariant::OwnedValue = reply.body().deserialize().unwrap();
        u32::try_from(value).unwrap()
    }

    pub async fn shows(&self, count: u32) {
        eventually(
            &format!("{count} notifications on the screen"),
            async || self.displayed().await == count,
        )
        .await;
    }

    /// The person clicks on the notification.
    pub async fn click(&self) {
        self.call("NotificationAction", &0_u32).await;
    }

    /// The person presses "Reject".
    pub async fn press_reject(&self) {
        self.call("ContextMenuCall", &()).await;
    }

    /// The person closes the notification.
    pub async fn dismiss(&self) {
        self.call("NotificationCloseLast", &()).await;
    }
}

/// A pinentry that notes what it is told and takes its answers from a file.
pub struct FakePinentry {
    pub program: PathBuf,
}

impl FakePinentry {
    fn install(folder: &Path) -> Self {
        let (draft, program) = (folder.join("draft"), folder.join("pinentry"));
        let text = r#"#!/bin/sh
echo $$ > $0.pid
echo 'OK Pleased to meet you'
while IFS= read -r line; do
    printf '%s\n' "$line" >> $0.log
    case "$line" in
        GETPIN)
            while ! mv $0.answer $0.given 2>/dev/null; do sleep 0.02; done
            cat $0.given ;;
        *) echo OK ;;
    esac
done
"#;
        fs::write(&draft, text).unwrap();
        let status = Command::new("install")
            .args(["-m", "755"])
            .args([&draft, &program])
            .status();
        assert!(status.unwrap().success());
        Self { program }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.program.with_extension(name)
    }

    /// Answers the question that is or will be asked.
    pub fn answer(&self, lines: &str) {
        let draft = self.file("next");
        fs::write(&draft, format!("{lines}\n")).unwrap();
        fs::rename(draft, self.file("answer")).unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// Waits until it was asked so many times.
    pub async fn asked(&self, times: usize) {
        eventually("the PIN prompt", async || {
            self.log().matches("GETPIN").count() == times
        })
        .await;
    }

    pub async fn gone(&self) {
        eventually("the end of the PIN prompt", async || {
            let id = fs::read_to_string(self.file("pid")).unwrap();
            !Path::new("/proc").join(id.trim()).exists()
        })
        .await;
    }
}
