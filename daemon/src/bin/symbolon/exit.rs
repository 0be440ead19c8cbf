//! How a command ends: an exit code for scripts, a sentence for people.

use std::process::ExitCode;

use symbolon_daemon::bus::client::fault_of;
use symbolon_daemon::bus::fault::{Fault, FaultKind};

/// Exit codes; the man page and `--help` list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    WrongPin = 3,
    Locked = 4,
    AccountClosed = 5,
    Hardware = 6,
    ServiceUnreachable = 7,
    NotFound = 8,
    NotAuthorized = 9,
    Refused = 10,
    DaemonUnreachable = 11,
    HistoryBroken = 12,
    /// 128 + SIGINT, as shells count.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Listed under `symbolon --help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
   0  done                        6  hardware fault or lost key share
   1  failed                      7  service not reachable
   2  wrong use of the command    8  not found, expired, answered elsewhere
   3  wrong PIN                   9  not authorised
   4  locked                     10  refused (PIN rules, enrolment code, input)
   5  account closed             11  daemon not reachable
                                 12  history changed or incomplete";

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What happened; what to do.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, format!("reading or writing failed: {error}"))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(exit_of(fault.kind), fault.text)
    }
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        if let Some(fault) = fault_of(&error) {
            return fault.into();
        }
        match &error {
            zbus::Error::MethodError(name, text, _) => {
                of_the_bus(name.as_str(), text.as_deref().unwrap_or_default())
            }
            _ => unreachable_daemon(&error.to_string()),
        }
    }
}

/// The exit code of a daemon's fault.
pub(crate) fn exit_of(kind: FaultKind) -> Exit {
    match kind {
        FaultKind::Locked => Exit::Locked,
        FaultKind::AccountClosed => Exit::AccountClosed,
        FaultKind::NotFound | FaultKind::Expired | FaultKind::AnsweredElsewhere => Exit::NotFound,
        FaultKind::NotAuthorized | FaultKind::AuthenticationNeeded => Exit::NotAuthorized,
        FaultKind::InvalidPin
        | FaultKind::PinRefused
        | FaultKind::InvalidArgument
        | FaultKind::ServiceRefused => Exit::Refused,
        FaultKind::HardwareUnavailable
        | FaultKind::HardwareLost
        | FaultKind::HardwareUnfit
        | FaultKind::OwnerPasswordMissing => Exit::Hardware,
        FaultKind::ServiceUnreachable => Exit::ServiceUnreachable,
        FaultKind::Damaged | FaultKind::StorageFailed | FaultKind::Failed => Exit::Failed,
    }
}

/// An error that the bus made, not the daemon.
fn of_the_bus(name: &str, text: &str) -> Failure {
    match name.strip_prefix("org.freedesktop.DBus.Error.") {
        Some("AccessDenied" | "AuthFailed") => Failure::new(
            Exit::NotAuthorized,
            format!("the bus forbids it ({text}); its policy for symbolond may not be installed"),
        ),
        Some("UnknownMethod" | "UnknownInterface" | "UnknownObject" | "InvalidArgs") => {
            Failure::new(
                Exit::Failed,
                format!(
                    "the daemon does not know this command ({text}); it is of another version, restart it: systemctl restart symbolond"
                ),
            )
        }
        _ => unreachable_daemon(text),
    }
}

fn unreachable_daemon(reason: &str) -> Failure {
    Failure::new(
        Exit::DaemonUnreachable,
        format!(
            "the daemon cannot be reached on the bus ({reason}); start it: systemctl start symbolond, and look at: journalctl -u symbolond"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_unlike_things_have_unlike_codes() {
        let codes = [
            Exit::WrongPin,
            exit_of(FaultKind::Locked),
            exit_of(FaultKind::HardwareUnavailable),
            exit_of(FaultKind::AccountClosed),
        ];
        for (index, code) in codes.iter().enumerate() {
            assert!(!codes[..index].contains(code), "{code:?}");
        }
    }

    #[test]
    fn a_bus_without_the_daemon_is_no_failure_of_the_daemon() {
        let failure = of_the_bus("org.freedesktop.DBus.Error.ServiceUnknown", "no such name");
        assert_eq!(failure.exit, Exit::DaemonUnreachable);
        assert!(failure.text.contains("systemctl start symbolond"));
        let failure = of_the_bus("org.freedesktop.DBus.Error.AccessDenied", "rejected");
        assert_eq!(failure.exit, Exit::NotAuthorized);
    }
}
