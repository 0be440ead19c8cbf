//! A private bus with the rules of a system bus and the policy that we ship.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::eventually::SOON;
use crate::process::Running;

/// The policy that our package installs, but for the user who may own the name.
const SHIPPED_POLICY: &str = include_str!("../../packaging/dbus/org.symbolon.Symbolon1.conf");

/// What Linux distributions' `system.conf` says, in short: nobody owns, nobody calls, everybody
/// may answer; whoever runs the test may listen in, and be what tells of sleep and network.
const SYSTEM_POLICY: &str = r#"
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="UID">
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
    <allow own="org.freedesktop.login1"/>
    <allow own="org.freedesktop.NetworkManager"/>
  </policy>
"#;

/// What polkit's package says, where it is installed.
const POLKIT_POLICY: &str = "/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf";

/// A running dbus-daemon.
pub struct Bus {
    socket: PathBuf,
    /// Kept for its end with this.
    _process: Running,
}

impl Bus {
    /// Starts one whose socket is in `folder`. Our name is `daemon_user`'s to own, or the test's.
    pub fn start(folder: &Path, logs: &Path, daemon_user: Option<u32>) -> Self {
        let socket = folder.join("bus");
        let configuration = folder.join("bus.conf");
        std::fs::write(&configuration, configuration_for(&socket, daemon_user)).unwrap();
        let mut process = Running::start(
            "dbus-daemon",
            logs,
            Command::new("dbus-daemon")
                .args(["--nofork", "--nopidfile", "--nosyslog"])
                .arg(format!("--config-file={}", configuration.display())),
        );
        process.wait_until_ready(SOON, || UnixStream::connect(&socket).ok());
        Self {
            socket,
            _process: process,
        }
    }

    /// Whether somebody owns a name on it.
    pub fn has_owner(&self, name: &str) -> bool {
        let output = Command::new("dbus-send")
            .arg(format!("--bus={}", self.address()))
            .args(["--dest=org.freedesktop.DBus", "--print-reply", "/"])
            .arg("org.freedesktop.DBus.NameHasOwner")
            .arg(format!("string:{name}"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).contains("boolean true")
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }
}

fn configuration_for(socket: &Path, daemon_user: Option<u32>) -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let body = SHIPPED_POLICY
        .split_once("<busconfig>")
        .and_then(|(_, rest)| rest.split_once("</busconfig>"))
        .map(|(body, _)| body)
        .expect("the shipped policy is a bus configuration");
    let system = SYSTEM_POLICY.replace("UID", &uid);
    let owner = daemon_user.map_or(uid, |uid| uid.to_string());
    let ours = body.replace(r#"user="symbolon""#, &format!(r#"user="{owner}""#));
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
{system}{ours}
  <include ignore_missing="yes">{POLKIT_POLICY}</include>
</busconfig>
"#,
        socket.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::requirements;

    /// Asks the bus for a name, as the daemon would.
    fn request_name(bus: &Bus, name: &str) -> bool {
        Command::new("dbus-send")
            .arg(format!("--bus={}", bus.address()))
            .args(["--dest=org.freedesktop.DBus", "--print-reply", "/"])
            .arg("org.freedesktop.DBus.RequestName")
            .args([format!("string:{name}"), "uint32:0".into()])
            .output()
            .unwrap()
            .status
            .success()
    }

    #[test]
    fn gives_our_name_and_no_other() {
        if !requirements::met() {
            return;
        }
        let folder = Folder::new("bus");
        let bus = Bus::start(folder.path(), &folder.logs(), None);
        assert!(request_name(&bus, "org.symbolon.Symbolon1"));
        assert!(!request_name(&bus, "org.example.Other"));
    }
}
