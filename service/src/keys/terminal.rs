//! Asking for the token's PIN on the terminal from which the service was started.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use symbolon_hsm::{HsmError, LONGEST_PIN, TokenPin};
use zeroize::Zeroizing;

const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;
const BACKSPACE: u8 = 8;
const QUIT: u8 = 28;
const DELETE: u8 = 127;

/// Asks, and waits as long as the person needs.
pub(super) fn ask(question: &str) -> Result<TokenPin, HsmError> {
    // The controlling terminal, whatever standard input and output are.
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open("/dev/tty")
        .map_err(|_| {
            HsmError::PinUnavailable(
                "`ask_pin` is set, but there is no terminal to ask on; start it from one, or give \
                 the PIN by the credential `hsm-pin` or by `pin_file`"
                    .to_owned(),
            )
        })?;
    let typed = ask_on(&device, question)
        .map_err(|error| HsmError::PinUnavailable(format!("the terminal: {error}")))?;
    TokenPin::from_octets(typed)
}

fn ask_on(device: &File, question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    // Quiet first: whoever sees the question may already type.
    let quiet = Quiet::begin(device)?;
    let mut device_out = device;
    device_out.write_all(question.as_bytes())?;
    let line = line(device);
    drop(quiet);
    device_out.write_all(b"\n")?;
    line
}

fn line(mut keys: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // The full capacity at once: a vector that grows leaves copies behind that nothing wipes.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_PIN));
    let mut octet = Zeroizing::new([0]);
    loop {
        keys.read_exact(octet.as_mut())?;
        match octet[0] {
            INTERRUPT | QUIT => return Err(ErrorKind::Interrupted.into()),
            END_OF_INPUT if line.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            b'\r' | b'\n' => return Ok(line),
            BACKSPACE | DELETE => {
                line.pop();
            }
            octet if octet.is_ascii_control() => {}
            octet if line.len() < LONGEST_PIN => line.push(octet),
            _ => {}
        }
    }
}

/// A terminal that does not echo, until this is dropped. It makes no signals either: an interrupt
/// arrives as an octet, so that there is always a moment to put the terminal back as it was.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_was_typed_and_taken_back() {
        for (keys, line_typed) in [
            (&b"1234\n"[..], Some(&b"1234"[..])),
            (b"12\x7f\x083\r5", Some(b"3")),
            (b"\x7f1\x1b2\n", Some(b"12")),
            (b"12\x03", None),
            (b"\x04", None),
            (b"12", None),
        ] {
            let typed = line(keys).ok();
            assert_eq!(typed.as_ref().map(|typed| &typed[..]), line_typed);
        }
    }

    #[test]
    fn a_line_too_long_is_cut_and_not_moved_in_memory() {
        let keys = [vec![b'1'; 2 * LONGEST_PIN], vec![b'\n']].concat();
        assert_eq!(line(&keys[..]).unwrap().len(), LONGEST_PIN);
    }
}
