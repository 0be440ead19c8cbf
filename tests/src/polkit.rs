//! The real polkit on a private bus: with the policy that we ship and the test's own rules, which
//! it sees in its own view of the file system alone.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bus::Bus;
use crate::eventually::SOON;
use crate::process::Running;
use crate::requirements;
use crate::view::View;

/// The policy that our package installs, but for the user who may ask.
const SHIPPED_POLICY: &str = include_str!("../../packaging/polkit/org.symbolon.Symbolon1.policy");

/// A running polkitd.
pub struct Polkit {
    process: Running,
}

impl Polkit {
    /// Starts one on `bus` that answers the user `daemon_user`, by these rules (JavaScript, as in
    /// `/etc/polkit-1/rules.d`). `None`, after a word about it, without root or polkit.
    pub fn start(
        folder: &Path,
        logs: &Path,
        bus: &Bus,
        daemon_user: u32,
        rules: &str,
    ) -> Option<Self> {
        if !requirements::is_root("give polkit rules of its own") {
            return None;
        }
        let Some(program) = requirements::find_polkitd() else {
            requirements::skipped("polkitd (package polkitd, or polkit)");
            return None;
        };
        let actions = readable(&folder.join("actions"));
        let policy =
            SHIPPED_POLICY.replace("unix-user:symbolon", &format!("unix-user:{daemon_user}"));
        std::fs::write(actions.join("org.symbolon.Symbolon1.policy"), policy).unwrap();
        let no_rules = readable(&folder.join("no-rules"));
        let own = readable(&folder.join("rules"));
        std::fs::write(own.join("50-test.rules"), rules).unwrap();

        let mut polkitd = Command::new(program);
        polkitd.arg("--no-debug");
        let mut command = View::default()
            .with(actions, "/usr/share/polkit-1/actions")
            .with(own, "/etc/polkit-1/rules.d")
            .with(no_rules, "/usr/share/polkit-1/rules.d")
            .of(&polkitd);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
        let mut process = Running::start("polkitd", logs, &mut command);
        process.wait_until_ready(SOON, || {
            bus.has_owner("org.freedesktop.PolicyKit1").then_some(())
        });
        Some(Self { process })
    }

    /// Ends it.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }
}

/// polkitd is a user of its own.
fn readable(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    folder.into()
}
