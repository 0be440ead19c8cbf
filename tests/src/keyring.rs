//! A desktop session's keyring: the real GNOME Keyring, unlocked, on a session bus of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::eventually::{SOON, until};
use crate::process::Running;
use crate::requirements;

/// By what the PIN of a token is found, as `symbolon unlock --help` has it.
const ATTRIBUTES: [&str; 2] = ["application", "symbolon"];

/// A running keyring.
pub struct Keyring {
    _daemon: Running,
    _bus: Running,
    folder: PathBuf,
}

impl Keyring {
    /// Starts one in `folder`; `None`, after a word about it, where it is not installed.
    pub fn start(folder: &Path, logs: &Path) -> Option<Self> {
        let programs = ["gnome-keyring-daemon", "secret-tool", "dbus-daemon"];
        if programs.map(requirements::find_program).contains(&None) {
            requirements::skipped(
                "gnome-keyring, secret-tool (packages gnome-keyring, libsecret-tools or libsecret)",
            );
            return None;
        }
        let socket = folder.join("session-bus");
        let configuration = folder.join("session-bus.conf");
        std::fs::write(&configuration, configuration_for(&socket)).unwrap();
        let mut command = Command::new("dbus-daemon");
        command
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--config-file={}", configuration.display()));
        let bus = Running::start("session-bus", logs, &mut command);
        until("the session's bus", SOON, || socket.exists());
        std::fs::write(folder.join("login"), "the login's password").unwrap();
        let mut command = in_session(folder, "sh");
        // It takes the password from standard input.
        command.arg("-c").arg(
            "exec gnome-keyring-daemon --foreground --unlock --components=secrets < \"$HOME/login\"",
        );
        let daemon = Running::start("gnome-keyring", logs, &mut command);
        let keyring = Self {
            _daemon: daemon,
            _bus: bus,
            folder: folder.into(),
        };
        until("the keyring", SOON, || {
            keyring.store("nothing yet").success()
        });
        Some(keyring)
    }

    /// Keeps a token's PIN, in the place of the one before.
    pub fn store(&self, pin: &str) -> ExitStatus {
        let mut child = in_session(&self.folder, "secret-tool")
            .args(["store", "--label", "PIN of the token"])
            .args(ATTRIBUTES)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(pin.as_bytes()).ok();
        drop(input);
        child.wait().unwrap()
    }

    /// Pipes the PIN into a command, as a person's script does.
    pub fn pipe_into(&self, program: &Path, arguments: &[&str]) -> ExitStatus {
        in_session(&self.folder, "sh")
            .args([
                "-c",
                "secret-tool lookup application symbolon | \"$0\" \"$@\"",
            ])
            .arg(program)
            .args(arguments)
            .status()
            .unwrap()
    }
}

/// A session bus that starts nothing by itself: whoever asks before our keyring is there would get
/// another one, which is locked.
fn configuration_for(socket: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        socket.display()
    )
}

fn in_session(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    let bus = folder.join("session-bus");
    command
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", bus.display()),
        )
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_RUNTIME_DIR", folder);
    command
}
