//! A person at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Person {
    keyboard: File,
    seen: Arc<Mutex<Vec<u8>>>,
    heard: usize,
    child: Child,
}

impl Person {
    /// Types the command into a terminal of its own. When it ends, the terminal's settings are
    /// printed, to be seen by [`Person::leave`].
    pub fn types_command(stage: &Stage, arguments: &[&str]) -> Self {
        let command = stage.command(arguments);
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let screen = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", "sh", "-c"])
            .arg(
                "trap : INT TERM; sh -c 'echo \"process $$;\"; exec \"$@\"' sh \"$@\"; \
                 echo \"ended with $?:\"; stty -a",
            )
            .arg("sh")
            .arg(command.get_program())
            .args(command.get_args())
            .env("TZ", "EET-2")
            .stdin(Stdio::from(screen.try_clone().unwrap()))
            .stdout(Stdio::from(screen.try_clone().unwrap()))
            .stderr(Stdio::from(screen))
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut octets = [0; 1024];
            // An error comes when the last program has left the terminal.
            while let Ok(length @ 1..) = screen.read(&mut octets) {
                memory.lock().unwrap().extend_from_slice(&octets[..length]);
            }
        });
        Self {
            keyboard,
            seen,
            heard: 0,
            child,
        }
    }

    /// Everything that was on the screen.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Waits until the screen shows `text` after what was waited for before.
    pub fn reads(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen();
            if let Some(place) = seen[self.heard..].find(text) {
                self.heard += place + text.len();
                return self;
            }
            assert!(
                Instant::now() < deadline,
                "never read {text:?} in:\n{}",
                &seen[self.heard..]
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn types(&mut self, text: &str) -> &mut Self {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Somebody ends the command from outside.
    pub fn terminates_command(&self) {
        let seen = self.seen();
        let number = seen.split("process ").nth(1).unwrap().split(';').next();
        let process = rustix::process::Pid::from_raw(number.unwrap().parse().unwrap()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    }

    /// The command's exit code. The terminal must echo again.
    pub fn leaves(&mut self) -> i32 {
        self.reads("ended with ");
        let from = self.heard;
        self.reads(":");
        let code = self.seen()[from..self.heard - 1].parse().unwrap();
        self.reads(" echo ");
        assert!(!self.seen()[from..].contains(" -icanon"));
        assert!(!self.seen()[from..].contains(" -isig"));
        self.child.wait().unwrap();
        code
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
