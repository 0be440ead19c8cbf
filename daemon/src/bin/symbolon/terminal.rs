//! Asks on the person's terminal, whatever standard input and output are.
//!
//! While it asks, the terminal neither echoes nor makes signals: an interrupt arrives as an
//! octet, so that there is always a moment to put the terminal back as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::exit::{Exit, Failure};
use crate::output::harmless;
use crate::secret::Secret;

const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const KILL_LINE: u8 = 21;
const QUIT: u8 = 28;
const DELETE: u8 = 127;
/// Who pauses for so long has seen that the question is gone.
const HALT: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Whether what is typed can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    Shown,
    Hidden,
}

/// The controlling terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    device: File,
}

impl Terminal {
    /// Opens the controlling terminal, if there is one. Ours alone, so that making it
    /// non-blocking is not seen by the shell.
    pub(crate) fn open() -> Option<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open("/dev/tty")
            .ok()?;
        Some(Self { device })
    }

    /// Asks for a line, until `end` says why no answer is of use any more: then the question is
    /// taken back, and what was typed is forgotten.
    pub(crate) async fn ask_unless(
        &self,
        question: &str,
        echo: Echo,
        end: impl Future<Output = Failure>,
    ) -> Result<Secret, Failure> {
        // Quiet first: whoever sees the question may already type.
        let mut quiet = Quiet::begin(&self.device)?;
        self.print(&harmless(question))?;
        let mut line = Secret::empty();
        tokio::select! {
            biased;
            failure = end => {
                // A PIN may be on its way from the keyboard though nothing of it was read yet.
                if echo == Echo::Hidden || !line.is_empty() {
                    self.let_finish_typing().await;
                }
                Err(failure)
            }
            read = self.read_line(&mut line, echo) => {
                quiet.answered = read.is_ok();
                read.map(|()| line)
            }
        }
    }

    /// Asks for something that is no secret.
    pub(crate) async fn ask_openly(&self, question: &str) -> Result<String, Failure> {
        self.ask_openly_unless(question, std::future::pending())
            .await
    }

    /// The same until `end` says why no answer is of use any more.
    pub(crate) async fn ask_openly_unless(
        &self,
        question: &str,
        end: impl Future<Output = Failure>,
    ) -> Result<String, Failure> {
        let answer = self.ask_unless(question, Echo::Shown, end).await?;
        Ok(answer.as_text().trim().to_owned())
    }

    /// Says a line to the person, whatever standard output is.
    pub(crate) fn tell(&self, line: &str) -> io::Result<()> {
        self.print(&format!("{}\n", harmless(line)))
    }

    async fn read_line(&self, line: &mut Secret, echo: Echo) -> Result<(), Failure> {
        let mut keys = self.keys()?;
        loop {
            let octet = match keys.read_u8().await {
                Ok(octet) => octet,
                // The terminal was hung up.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(interrupted());
                }
                Err(error) => return Err(error.into()),
            };
            match octet {
                INTERRUPT | QUIT => return Err(interrupted()),
                END_OF_INPUT if line.is_empty() => return Err(interrupted()),
                b'\r' | b'\n' => return Ok(()),
                BACKSPACE | DELETE => {
                    self.rub_out(line, echo)?;
                }
                KILL_LINE => while self.rub_out(line, echo)? {},
                octet if octet.is_ascii_control() => {}
                octet => {
                    if line.push(octet) && echo == Echo::Shown {
                        self.write(&[octet])?;
                    }
                }
            }
        }
    }

    /// Lets whoever is in the middle of a PIN come to its end or to a halt, unseen: the shell would
    /// show the rest of it.
    async fn let_finish_typing(&self) {
        let Ok(mut keys) = self.keys() else { return };
        let rest = async {
            while let Ok(Ok(octet)) = tokio::time::timeout(HALT, keys.read_u8()).await {
                if matches!(octet, b'\r' | b'\n' | INTERRUPT | QUIT) {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(LONGEST_REST, rest).await;
    }

    /// A terminal is no pipe, but is polled and read like one; nothing is buffered in between.
    fn keys(&self) -> io::Result<pipe::Receiver> {
        pipe::Receiver::from_file_unchecked(self.device.try_clone()?)
    }

    /// Takes the last octet back; false if there is none.
    fn rub_out(&self, line: &mut Secret, echo: Echo) -> io::Result<bool> {
        let removed = line.pop();
        if removed && echo == Echo::Shown {
            self.write(b"\x08 \x08")?;
        }
        Ok(removed)
    }

    fn print(&self, text: &str) -> io::Result<()> {
        self.write(text.as_bytes())
    }

    fn write(&self, octets: &[u8]) -> io::Result<()> {
        (&self.device).write_all(octets)
    }
}

/// The person or the system ended the command while it waited.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}

/// A terminal that does not echo, until this is dropped; then the question's line is ended.
struct Quiet<'a> {
    device: &'a File,
    before: Termios,
    /// Nothing of the answer is left to be read.
    answered: bool,
}

impl<'a> Quiet<'a> {
    fn begin(device: &'a File) -> io::Result<Self> {
        let before = tcgetattr(device)?;
        let mut quiet = before.clone();
        quiet.local_modes &= !(LocalModes::ECHO
            | LocalModes::ECHONL
            | LocalModes::ICANON
            | LocalModes::ISIG
            | LocalModes::IEXTEN);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // FLUSH drops what was typed before the question could be read.
        tcsetattr(device, OptionalActions::Flush, &quiet)?;
        Ok(Self {
            device,
            before,
            answered: false,
        })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Half a PIN must not become the beginning of the shell's next command.
        let unread = match self.answered {
            true => OptionalActions::Drain,
            false => OptionalActions::Flush,
        };
        let mut device = self.device;
        let _ = tcsetattr(device, unread, &self.before);
        let _ = device.write_all(b"\n");
    }
}
