//! Who types the PINs: a person at a terminal, or nobody.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use symbolon_tests::demonstration::{usual_pins, wished_pins};
use symbolon_tests::device::Device;
use symbolon_tests::process::program;

/// The exit code of `symbolon` for "interrupted".
const INTERRUPTED: i32 = 130;

/// Who types the PINs.
pub(crate) enum Person {
    /// Somebody at this terminal, through the real command line.
    AtTerminal,
    /// Nobody: these are typed.
    Absent {
        /// For logins.
        pin1: String,
        /// For signatures.
        pin2: String,
    },
}

/// How a command of the person's ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Interrupted,
    /// With another exit code of `symbolon`.
    Otherwise(i32),
}

impl Person {
    pub(crate) fn from_environment() -> Result<Self, String> {
        let wished = wished_pins("demo")?;
        let is_terminal = || std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if wished.is_none() && is_terminal() {
            return Ok(Self::AtTerminal);
        }
        // What is typed where there is neither a terminal nor a wish.
        let [pin1, pin2] = wished.unwrap_or_else(usual_pins);
        Ok(Self::Absent { pin1, pin2 })
    }

    /// Whether somebody reads along.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self, Self::AtTerminal)
    }

    /// Enrols with a clerk's code.
    pub(crate) fn enrol(&self, device: &Device, code: &str) -> Ended {
        let fixed = ["enrol", "--device-name", "demo device"];
        match self {
            Self::AtTerminal => run(device, &[&fixed[..], &["--code-fd", "0"]].concat(), code),
            Self::Absent { pin1, pin2 } => {
                let secrets = format!("{code}\n{pin1}\n{pin2}");
                run(
                    device,
                    &[&fixed[..], &["--secrets-stdin"]].concat(),
                    &secrets,
                )
            }
        }
    }

    /// Approves a login with PIN1.
    pub(crate) fn approve_login(&self, device: &Device, transaction: &str) -> Ended {
        self.approve(device, transaction, |pin1, _| pin1)
    }

    /// Approves a signature with PIN2.
    pub(crate) fn approve_signature(&self, device: &Device, transaction: &str) -> Ended {
        self.approve(device, transaction, |_, pin2| pin2)
    }

    fn approve<'a>(
        &'a self,
        device: &Device,
        transaction: &str,
        choose: impl Fn(&'a str, &'a str) -> &'a str,
    ) -> Ended {
        match self {
            Self::AtTerminal => run(device, &["approve", transaction], ""),
            Self::Absent { pin1, pin2 } => run(
                device,
                &["approve", transaction, "--pin-stdin"],
                choose(pin1, pin2),
            ),
        }
    }
}

/// Runs the command line as a person sees it; a prompt of its own opens the terminal by itself.
fn run(device: &Device, arguments: &[&str], secrets: &str) -> Ended {
    let mut child = Command::new(program("symbolon"))
        .args(["--bus", &device.bus_address()])
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("symbolon starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "{secrets}").ok();
    drop(stdin);
    match child.wait().expect("symbolon ends").code() {
        Some(0) => Ended::Done,
        Some(INTERRUPTED) | None => Ended::Interrupted,
        Some(code) => Ended::Otherwise(code),
    }
}
