//! The machine's people as a test wants them: who is in a group, and with what password.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bus::Bus;
use crate::folder::Folder;
use crate::token::write_private;
use crate::view::View;

/// A group that every system has, and its number.
pub const GROUP: (&str, u32) = ("users", 100);

/// Everybody's password.
pub const PASSWORD: &str = "kaheksa pikka kollast";

/// What polkit's helper asks PAM for: the passwords, and nothing of the machine's own rules.
const PAM: &str = "auth required pam_unix.so\naccount required pam_unix.so\n\
                   password required pam_deny.so\nsession required pam_permit.so\n";

/// Lists of users and groups. Users are those of the machine.
pub struct People {
    folder: Folder,
}

impl People {
    /// Where these are in [`GROUP`], all by number.
    pub fn new(members: &[u32]) -> Self {
        let folder = Folder::new("people");
        folder.let_others_through();
        let people = Self { folder };
        people.are_members(members);
        people
    }

    /// From now on these are in [`GROUP`], and nobody else is.
    pub fn are_members(&self, members: &[u32]) {
        let names: Vec<_> = members.iter().map(|uid| name_of(*uid)).collect();
        let (name, number) = GROUP;
        let ours = format!("{name}:x:{number}:{}\n", names.join(","));
        // In the same file: who sees it in the place of the machine's sees that file.
        std::fs::write(self.groups_file(), format!("root:x:0:\n{ours}")).unwrap();
    }

    /// The groups, for a process that looks them up.
    pub fn groups(&self) -> View {
        View::default().with(self.groups_file(), "/etc/group")
    }

    /// The passwords, for a process that polkit's agent is a child of. Its helper is root's and
    /// takes no address from its environment: it finds `bus` where the machine's own would be.
    pub fn passwords(&self, bus: &Bus) -> View {
        let hash = Command::new("openssl")
            .args(["passwd", "-6", PASSWORD])
            .output()
            .unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let shadow = self.folder.path().join("shadow");
        let everybody = [0, 1, 2, 3, 7].map(name_of);
        let lines = everybody.map(|name| format!("{name}:{}:20000:0:99999:7:::\n", hash.trim()));
        write_private(&shadow, &lines.concat());
        let pam = self.folder.sub("pam.d");
        for service in ["polkit-1", "other"] {
            std::fs::write(pam.join(service), PAM).unwrap();
        }
        let run = self.folder.sub("run");
        put_bus(&run, bus);
        View::default()
            .with(shadow, "/etc/shadow")
            .with(pam, "/etc/pam.d")
            .with(run, "/run")
    }

    fn groups_file(&self) -> PathBuf {
        self.folder.path().join("group")
    }
}

fn put_bus(run: &Path, bus: &Bus) {
    let place = run.join("dbus");
    std::fs::create_dir_all(&place).unwrap();
    let link = place.join("system_bus_socket");
    std::fs::remove_file(&link).ok();
    std::os::unix::fs::symlink(bus.socket(), link).unwrap();
}

/// A user's name.
///
/// # Panics
/// If there is none of that number.
pub fn name_of(uid: u32) -> String {
    let output = Command::new("id")
        .args(["-nu", &uid.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "there is no user {uid}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
