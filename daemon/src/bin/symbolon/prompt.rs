//! Where secrets come from: the person's terminal, or file descriptors that a script passed.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::secret::Secret;
use crate::terminal::{Echo, Terminal};

/// Asks for secrets.
pub(crate) struct Prompt {
    terminal: Option<Terminal>,
    opened: HashMap<u32, File>,
}

/// Where one secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The terminal.
    Person,
    /// The next line of an inherited file descriptor.
    Descriptor(u32),
}

impl Source {
    /// `--…-fd N`, or standard input if `stdin` was asked for, or else the person.
    pub(crate) fn chosen(descriptor: Option<u32>, stdin: bool) -> Self {
        match descriptor {
            Some(descriptor) => Self::Descriptor(descriptor),
            None if stdin => Self::Descriptor(0),
            None => Self::Person,
        }
    }
}

impl Prompt {
    pub(crate) fn new() -> Self {
        Self {
            terminal: Terminal::open(),
            opened: HashMap::new(),
        }
    }

    /// The person's terminal, if there is one.
    pub(crate) fn terminal(&self) -> Option<&Terminal> {
        self.terminal.as_ref()
    }

    /// One secret; `question` is shown to a person, `option` named to a script's author.
    pub(crate) async fn secret(
        &mut self,
        source: Source,
        question: &str,
        option: &str,
    ) -> Result<Secret, Failure> {
        let never = std::future::pending();
        self.secret_unless(source, question, option, never).await
    }

    /// The same until `end` says why it is of no use any more; a script's is there at once.
    pub(crate) async fn secret_unless(
        &mut self,
        source: Source,
        question: &str,
        option: &str,
        end: impl Future<Output = Failure>,
    ) -> Result<Secret, Failure> {
        self.obtain(source, question, option, Echo::Hidden, end)
            .await
    }

    /// A one-time code: it may be seen while it is typed.
    pub(crate) async fn code(
        &mut self,
        source: Source,
        question: &str,
        option: &str,
    ) -> Result<Secret, Failure> {
        let never = std::future::pending();
        self.obtain(source, question, option, Echo::Shown, never)
            .await
    }

    /// A new PIN: a person types it twice, until both are the same.
    pub(crate) async fn new_pin(
        &mut self,
        source: Source,
        name: &str,
        rule: &str,
        option: &str,
    ) -> Result<Secret, Failure> {
        loop {
            let question = format!("New {name} ({rule}): ");
            let pin = self.secret(source, &question, option).await?;
            if source != Source::Person {
                return Ok(pin);
            }
            let again = format!("New {name} again: ");
            if self.secret(source, &again, option).await?.matches(&pin) {
                return Ok(pin);
            }
            crate::output::complain("the two are not the same; type it again");
        }
    }

    async fn obtain(
        &mut self,
        source: Source,
        question: &str,
        option: &str,
        echo: Echo,
        end: impl Future<Output = Failure>,
    ) -> Result<Secret, Failure> {
        match (source, &self.terminal) {
            (Source::Descriptor(number), _) => self.line_of(number, option),
            (Source::Person, Some(terminal)) => terminal.ask_unless(question, echo, end).await,
            (Source::Person, None) => Err(Failure::new(
                Exit::Usage,
                format!("there is no terminal to ask on; pass the secret with {option}"),
            )),
        }
    }

    fn line_of(&mut self, number: u32, option: &str) -> Result<Secret, Failure> {
        let line = if number == 0 {
            read_line(|octet| Ok(rustix::io::read(rustix::stdio::stdin(), octet)?))
        } else {
            let file = match self.opened.entry(number) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(File::open(format!("/dev/fd/{number}")).map_err(|error| {
                        Failure::new(
                            Exit::Usage,
                            format!("{option} {number} cannot be read: {error}"),
                        )
                    })?)
                }
            };
            read_line(|octet| Ok(rustix::io::read(&*file, octet)?))
        };
        match line {
            Ok(Some(secret)) if !secret.is_empty() => Ok(secret),
            Ok(Some(_)) => Err(Failure::new(
                Exit::Usage,
                format!("{option} gave an empty line where a secret was due"),
            )),
            Ok(None) => Err(Failure::new(
                Exit::Refused,
                format!("{option} gave a line that is too long for a PIN or a code"),
            )),
            Err(error) => Err(Failure::new(
                Exit::Usage,
                format!("{option} cannot be read: {error}"),
            )),
        }
    }
}

/// Reads to the end of a line, octet by octet so that the next line stays where it is. `None` if
/// it is too long.
fn read_line(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Secret>> {
    let mut secret = Secret::empty();
    let mut octet = Zeroizing::new([0; 1]);
    loop {
        match read(&mut *octet) {
            Ok(0) => return Ok(Some(secret)),
            Ok(_) if octet[0] == b'\n' => return Ok(Some(secret)),
            Ok(_) if octet[0] == b'\r' => {}
            Ok(_) => {
                if !secret.push(octet[0]) {
                    return Ok(None);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
