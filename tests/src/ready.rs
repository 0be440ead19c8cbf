//! Waiting for a program to say that it is ready, the way a service manager does (sd_notify(3)).

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::eventually::SOON;
use crate::process::Running;

/// The socket on which one program reports; kept for as long as it runs, as it reports its end too.
pub struct ReadySocket {
    socket: UnixDatagram,
    path: PathBuf,
}

impl ReadySocket {
    /// Makes one in `folder` and tells the program that is about to be started of it.
    pub fn listen(folder: &Path, name: &str, command: &mut Command) -> Self {
        let path = folder.join(format!("{name}.notify"));
        std::fs::remove_file(&path).ok();
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        // The program may be another user's.
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        command.env("NOTIFY_SOCKET", &path);
        Self { socket, path }
    }

    /// Waits for `READY=1`.
    pub fn wait(&self, process: &mut Running) {
        let mut message = [0; 4096];
        process.wait_until_ready(SOON, || {
            let octets = self.socket.recv(&mut message).ok()?;
            let text = String::from_utf8_lossy(&message[..octets]);
            text.lines().any(|line| line == "READY=1").then_some(())
        });
    }
}

impl Drop for ReadySocket {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}
