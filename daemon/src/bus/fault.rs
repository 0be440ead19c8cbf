//! The D-Bus errors: one name per kind of blame, one text that says what happened and what to do.

use std::str::FromStr;

/// The common beginning of all error names.
pub const PREFIX: &str = "org.symbolon.Symbolon1.Error.";

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The account is locked; nothing was tried.
    Locked,
    /// The account is closed for good.
    AccountClosed,
    /// There is no such account or transaction, or it is not the caller's.
    NotFound,
    /// The transaction's time is over.
    Expired,
    /// Another device of the person answered it.
    AnsweredElsewhere,
    /// The caller may not do this.
    NotAuthorized,
    /// The caller may do this once somebody authenticated, whom nothing could ask.
    AuthenticationNeeded,
    /// What was typed cannot be a PIN; nothing was counted.
    InvalidPin,
    /// The rules for new PINs refuse it.
    PinRefused,
    /// The hardware cannot be reached now.
    HardwareUnavailable,
    /// The hardware no longer holds the key share.
    HardwareLost,
    /// The hardware lacks what the lockout needs.
    HardwareUnfit,
    /// The hardware's owner password is needed and was not given or is wrong.
    OwnerPasswordMissing,
    /// The service cannot be reached now.
    ServiceUnreachable,
    /// The service answered that it will not.
    ServiceRefused,
    /// What the daemon stored is damaged.
    Damaged,
    /// The daemon could not store what it must.
    StorageFailed,
    /// An argument is not what the method takes.
    InvalidArgument,
    /// Anything else.
    Failed,
}

impl FaultKind {
    const ALL: [Self; 19] = [
        Self::Locked,
        Self::AccountClosed,
        Self::NotFound,
        Self::Expired,
        Self::AnsweredElsewhere,
        Self::NotAuthorized,
        Self::AuthenticationNeeded,
        Self::InvalidPin,
        Self::PinRefused,
        Self::HardwareUnavailable,
        Self::HardwareLost,
        Self::HardwareUnfit,
        Self::OwnerPasswordMissing,
        Self::ServiceUnreachable,
        Self::ServiceRefused,
        Self::Damaged,
        Self::StorageFailed,
        Self::InvalidArgument,
        Self::Failed,
    ];

    /// The last element of the error name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "Locked",
            Self::AccountClosed => "AccountClosed",
            Self::NotFound => "NotFound",
            Self::Expired => "Expired",
            Self::AnsweredElsewhere => "AnsweredElsewhere",
            Self::NotAuthorized => "NotAuthorized",
            Self::AuthenticationNeeded => "AuthenticationNeeded",
            Self::InvalidPin => "InvalidPin",
            Self::PinRefused => "PinRefused",
            Self::HardwareUnavailable => "HardwareUnavailable",
            Self::HardwareLost => "HardwareLost",
            Self::HardwareUnfit => "HardwareUnfit",
            Self::OwnerPasswordMissing => "OwnerPasswordMissing",
            Self::ServiceUnreachable => "ServiceUnreachable",
            Self::ServiceRefused => "ServiceRefused",
            Self::Damaged => "Damaged",
            Self::StorageFailed => "StorageFailed",
            Self::InvalidArgument => "InvalidArgument",
            Self::Failed => "Failed",
        }
    }

    /// The whole D-Bus error name.
    pub fn error_name(self) -> String {
        format!("{PREFIX}{}", self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = ();

    /// Reads a whole D-Bus error name.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let last = name.strip_prefix(PREFIX).ok_or(())?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == last)
            .ok_or(())
    }
}

/// A fault as the daemon tells it and a client reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// For programs.
    pub kind: FaultKind,
    /// For people: what happened, then `; `, then what to do.
    pub text: String,
}

impl Fault {
    /// A fault with nothing to advise.
    pub fn new(kind: FaultKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            text: what.into(),
        }
    }

    /// A fault with what to do about it.
    pub fn with_remedy(
        kind: FaultKind,
        what: impl std::fmt::Display,
        remedy: impl std::fmt::Display,
    ) -> Self {
        Self {
            kind,
            text: format!("{what}; {remedy}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_error_name() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.error_name().parse(), Ok(kind));
        }
        assert_eq!(
            "org.freedesktop.DBus.Error.NoReply".parse::<FaultKind>(),
            Err(())
        );
    }
}
