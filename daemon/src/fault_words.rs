//! What goes wrong below, in the words of the bus: what happened, and what to do.

use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::display_text::DisplayText;
use symbolon_vault::{PinSyntaxError, VaultError};

use crate::accounts::FileError;
use crate::bus::fault::{Fault, FaultKind};
use crate::link::LinkError;

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        let (kind, remedy) = match &error {
            VaultError::Unavailable { .. } => (
                FaultKind::HardwareUnavailable,
                "check that the TPM is switched on in the firmware's settings, or that the token is \
                 plugged in and its PIN is given, and that symbolond may open it, then try again",
            ),
            VaultError::Lost { .. } => (
                FaultKind::HardwareLost,
                "delete this account and enrol anew",
            ),
            VaultError::Unfit { .. } => (
                FaultKind::HardwareUnfit,
                "enrol where the hardware passes `symbolon doctor`",
            ),
            VaultError::OwnerPassword { .. } => (
                FaultKind::OwnerPasswordMissing,
                "an administrator must give it as the credential tpm-owner and restart symbolond",
            ),
            VaultError::Damaged { .. } => (
                FaultKind::Damaged,
                "restore the account's file from before the damage, or delete the account and \
                 enrol anew",
            ),
            VaultError::ReleaseRefused { .. } => (FaultKind::Failed, "try again in a minute"),
            VaultError::Fault { .. } => (
                FaultKind::Failed,
                "try again; `symbolon doctor` examines the hardware",
            ),
        };
        Self::with_remedy(kind, error, remedy)
    }
}

impl From<LinkError> for Fault {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Unreachable(_) => Self::with_remedy(
                FaultKind::ServiceUnreachable,
                error,
                "check the network and try again",
            ),
            LinkError::NotTrusted(_) => Self::with_remedy(
                FaultKind::ServiceUnreachable,
                error,
                "if the service's authority has changed, an administrator must replace the file \
                 that `ca` names in daemon.toml",
            ),
            LinkError::Misbehaved(_) => Self::with_remedy(
                FaultKind::ServiceRefused,
                error,
                "try again; if it stays, tell whoever runs the service",
            ),
            LinkError::Refused(problem) => from_problem(&problem),
        }
    }
}

fn from_problem(problem: &Problem) -> Fault {
    let detail = DisplayText::message(&problem.detail);
    let said = format!("the service refused: {detail}");
    let (kind, remedy) = match problem.code {
        ProblemCode::Locked => (FaultKind::Locked, "wait until the lock is over"),
        ProblemCode::AccountClosed => (
            FaultKind::AccountClosed,
            "delete the account here and enrol anew",
        ),
        ProblemCode::UnknownDevice => (
            FaultKind::ServiceRefused,
            "the service no longer knows this device: delete the account here and enrol anew",
        ),
        ProblemCode::NotFound | ProblemCode::Expired => {
            (FaultKind::Expired, "ask the relying party to start again")
        }
        ProblemCode::AlreadyAnswered => (
            FaultKind::AnsweredElsewhere,
            "there is nothing left to answer",
        ),
        ProblemCode::EnrolmentCode => (
            FaultKind::ServiceRefused,
            "check the code, or ask for a new one",
        ),
        ProblemCode::KeyRefused => (FaultKind::ServiceRefused, "enrol again with a new code"),
        ProblemCode::TooManyRequests | ProblemCode::Unavailable => {
            (FaultKind::ServiceUnreachable, "try again in a minute")
        }
        ProblemCode::Malformed
        | ProblemCode::BadShare
        | ProblemCode::PinNotProven
        | ProblemCode::BadReading
        | ProblemCode::StaleToken => (
            FaultKind::ServiceRefused,
            "if it happens again, tell whoever runs the service",
        ),
    };
    Fault::with_remedy(kind, said, remedy)
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        match &error {
            FileError::Storage(_) => Self::with_remedy(
                FaultKind::StorageFailed,
                format!("the daemon's folder cannot be used: {error}"),
                "make room on the disk or mend its permissions, then try again",
            ),
            FileError::Damaged(_) => Self::with_remedy(
                FaultKind::Damaged,
                format!("a file of the daemon is damaged: {error}"),
                "restore it, or delete the account and enrol anew",
            ),
        }
    }
}

impl From<PinSyntaxError> for Fault {
    fn from(error: PinSyntaxError) -> Self {
        Self::with_remedy(
            FaultKind::InvalidPin,
            error,
            "no try was counted; type it again",
        )
    }
}
