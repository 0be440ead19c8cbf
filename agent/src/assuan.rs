//! The client side of the Assuan protocol (libassuan manual, "Implementation"), as far as a
//! pinentry needs it: commands out; `OK`, `ERR` and one secret `D` line back.
//!
//! The published crates either panic on long lines, cannot be cancelled, or leave what was typed
//! in buffers that nobody wipes; this one reads octet by octet into memory that is wiped.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use zeroize::Zeroizing;

use crate::child::die_with_parent;
use crate::secret::Secret;

/// The longest line, in octets and without its line feed.
const LINE_LIMIT: usize = 1000;
/// How long a server may take to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// A running Assuan server, killed when this is dropped or this process dies.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssuanError {
    /// The server said no.
    #[error("{text} (code {code})")]
    Refused {
        /// The libgpg-error value: source in the upper octet, code in the lower sixteen bits.
        code: u32,
        /// The server's words.
        text: String,
    },
    /// What came is not Assuan, or more than it allows.
    #[error("the prompt program does not speak the protocol: {0}")]
    Protocol(&'static str),
    /// No answer in time.
    #[error("the prompt program does not answer")]
    Silent,
    /// The pipe broke: the program ended.
    #[error("the prompt program ended: {0}")]
    Broken(#[from] std::io::Error),
}

impl Server {
    /// Starts the program and waits for its greeting.
    pub(crate) async fn start(
        mut program: Command,
        patience: Duration,
    ) -> Result<Self, AssuanError> {
        die_with_parent(&mut program);
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(AssuanError::Protocol("no pipes"));
        };
        let mut server = Self {
            child,
            input,
            output,
        };
        in_time(patience, server.answer()).await?;
        Ok(server)
    }

    /// Sends one command and waits for its end. Data lines are returned; without any, the secret
    /// is empty.
    pub(crate) async fn command(
        &mut self,
        verb: &str,
        argument: &str,
        patience: Duration,
    ) -> Result<Secret, AssuanError> {
        let line = command_line(verb, argument);
        let exchange = async {
            self.input.write_all(&line).await?;
            self.answer().await
        };
        in_time(patience, exchange).await
    }

    /// Ends the server: politely first, since a terminal prompt restores its terminal on SIGTERM.
    pub(crate) async fn stop(mut self) {
        if let Some(id) = self.child.id()
            && let Some(process) = rustix::process::Pid::from_raw(id.cast_signed())
        {
            // Not yet waited for, so the id is still this child's.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }

    /// Reads lines until the one that ends an answer.
    async fn answer(&mut self) -> Result<Secret, AssuanError> {
        let mut secret = Secret::empty();
        loop {
            let line = self.line().await?;
            match line.split_first_word() {
                (b"OK", _) => return Ok(secret),
                (b"ERR", rest) => return Err(refusal(rest)),
                (b"D", rest) => decode_into(&mut secret, rest)?,
                (b"INQUIRE", _) => self.input.write_all(b"CAN\n").await?,
                (b"S", _) => {}
                (word, _) if word.starts_with(b"#") => {}
                _ => return Err(AssuanError::Protocol("an unknown kind of line")),
            }
        }
    }

    /// Reads one line, octet by octet: nothing of what follows it is left in a buffer.
    async fn line(&mut self) -> Result<Line, AssuanError> {
        let mut line = Line::empty();
        loop {
            match self.output.read_u8().await? {
                b'\n' => return Ok(line),
                octet => line.push(octet)?,
            }
        }
    }
}

async fn in_time(
    patience: Duration,
    exchange: impl Future<Output = Result<Secret, AssuanError>>,
) -> Result<Secret, AssuanError> {
    tokio::time::timeout(patience, exchange)
        .await
        .unwrap_or(Err(AssuanError::Silent))
}

/// A received line, which may hold what was typed.
struct Line {
    octets: Zeroizing<[u8; LINE_LIMIT]>,
    length: usize,
}

impl Line {
    fn empty() -> Self {
        Self {
            octets: Zeroizing::new([0; LINE_LIMIT]),
            length: 0,
        }
    }

    fn push(&mut self, octet: u8) -> Result<(), AssuanError> {
        let place = self
            .octets
            .get_mut(self.length)
            .ok_or(AssuanError::Protocol("a line of more than 1000 octets"))?;
        *place = octet;
        self.length += 1;
        Ok(())
    }

    fn split_first_word(&self) -> (&[u8], &[u8]) {
        let line = &self.octets[..self.length];
        match line.iter().position(|octet| *octet == b' ') {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &[]),
        }
    }
}

/// A command with its argument, escaped, cut to the line limit between two characters.
fn command_line(verb: &str, argument: &str) -> Vec<u8> {
    let mut line = verb.as_bytes().to_vec();
    if !argument.is_empty() {
        line.push(b' ');
    }
    for character in argument.chars() {
        let mut plain = [0; 4];
        let encoded = match character {
            '%' => "%25",
            '\r' => "%0D",
            '\n' => "%0A",
            // A backslash at the end would join the next line in some servers.
            '\\' => "%5C",
            character => character.encode_utf8(&mut plain),
        };
        if line.len() + encoded.len() > LINE_LIMIT {
            break;
        }
        line.extend_from_slice(encoded.as_bytes());
    }
    line.push(b'\n');
    line
}

fn decode_into(secret: &mut Secret, data: &[u8]) -> Result<(), AssuanError> {
    let mut octets = data.iter().copied();
    while let Some(octet) = octets.next() {
        let plain = if octet == b'%' {
            let mut digit = || {
                octets
                    .next()
                    .and_then(|digit| char::from(digit).to_digit(16))
            };
            digit()
                .zip(digit())
                .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
                .ok_or(AssuanError::Protocol("a broken escape"))?
        } else {
            octet
        };
        if !secret.push(plain) {
            return Err(AssuanError::Protocol(
                "an answer that is too long for a PIN",
            ));
        }
    }
    Ok(())
}

fn refusal(rest: &[u8]) -> AssuanError {
    let text = String::from_utf8_lossy(rest);
    let (code, text) = text.split_once(' ').unwrap_or((&text, ""));
    match code.parse() {
        Ok(code) => AssuanError::Refused {
            code,
            text: text.to_owned(),
        },
        Err(_) => AssuanError::Protocol("an error without a code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_arguments_are_cut_in_octets_between_characters() {
        for filler in ["a", "õ", "€", "𝄞", "%", "\n"] {
            let line = command_line("SETDESC", &filler.repeat(5000));
            assert!(line.len() <= LINE_LIMIT + 1, "{}", line.len());
            assert!(line.len() > LINE_LIMIT - 4, "{}", line.len());
            let text = String::from_utf8(line).unwrap();
            assert_eq!(text.matches('\n').count(), 1);
            assert!(text.ends_with('\n'));
        }
    }

    #[test]
    fn what_would_end_a_line_is_escaped() {
        assert_eq!(
            command_line("SETDESC", "50% \r\nBYE\\"),
            b"SETDESC 50%25 %0D%0ABYE%5C\n"
        );
        assert_eq!(command_line("GETPIN", ""), b"GETPIN\n");
    }
}
