//! Asks on the person's terminal, whatever standard input and output are.
//!
//! While it asks, the terminal neither echoes nor makes signals: an interrupt arrives as an
//! octet, so that there is always a moment to put the terminal back as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

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

    /// Asks for a line.
    pub(crate) async fn ask(&self, question: &str, echo: Echo) -> Result<Secret, Failure> {
        // Quiet first: whoever sees the question may already type.
        let quiet = Quiet::begin(&self.device)?;
        self.print(&harmless(question))?;
        let line = self.line(echo).await;
        drop(quiet);
        self.print("\n")?;
        line
    }

    /// Asks for something that is no secret.
    pub(crate) async fn ask_openly(&self, question: &str) -> Result<String, Failure> {
        let answer = self.ask(question, Echo::Shown).await?;
        Ok(answer.as_text().trim().to_owned())
    }

    /// Says a line to the person, whatever standard output is.
    pub(crate) fn tell(&self, line: &str) -> io::Result<()> {
        self.print(&format!("{}\n", harmless(line)))
    }

    async fn line(&self, echo: Echo) -> Result<Secret, Failure> {
        // A terminal is no pipe, but is polled and read like one; nothing is buffered in between.
        let mut keys = pipe::Receiver::from_file_unchecked(self.device.try_clone()?)?;
        let mut line = Secret::empty();
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
                b'\r' | b'\n' => return Ok(line),
                BACKSPACE | DELETE => {
                    self.rub_out(&mut line, echo)?;
                }
                KILL_LINE => while self.rub_out(&mut line, echo)? {},
                octet if octet.is_ascii_control() => {}
                octet => {
                    if line.push(octet) && echo == Echo::Shown {
                        self.write(&[octet])?;
                    }
                }
            }
        }
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

/// A terminal that does not echo, until this is dropped.
struct Quiet<'a> {
    device: &'a File,
    before: Termios,
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
        Ok(Self { device, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.device, OptionalActions::Drain, &self.before);
    }
}
