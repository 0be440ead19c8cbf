//! Who is to blame when a token does not do what it was asked.

use std::path::PathBuf;
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use serde::{Deserialize, Serialize};

/// Why the token did not do it. Each variant asks for something else of the operator.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
pub enum HsmError {
    /// The PKCS#11 module cannot be loaded.
    #[error("the PKCS#11 module {} cannot be loaded: {reason}", path.display())]
    ModuleMissing {
        /// The configured path.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The module has no token that is what the configuration says.
    #[error("the PKCS#11 module has no token {name}; it has {present}")]
    TokenMissing {
        /// The configured name.
        name: String,
        /// The tokens that it does have.
        present: String,
    },
    /// Several tokens are what the configuration says, so that it names none.
    #[error("several tokens are {name}; name the serial number too")]
    TokenAmbiguous {
        /// The configured name.
        name: String,
    },
    /// The PIN could not be read.
    #[error("the token's PIN cannot be read: {0}")]
    PinUnavailable(String),
    /// The token refused the PIN. It is not tried again: tokens lock after a few wrong ones.
    #[error("the token refused the PIN; the same one is not tried again")]
    PinWrong,
    /// The token's PIN is locked or expired.
    #[error("the token's PIN is locked; its security officer must unlock it")]
    PinLocked,
    /// The token says that one more wrong PIN locks it. That try is left to a person.
    #[error(
        "the token has one try of its PIN left, which is not spent here; see that the configured \
         PIN is right, and log in once by hand (`pkcs11-tool --login --list-objects`)"
    )]
    PinLastTry,
    /// The token has no key of that label, or one of another kind.
    #[error("the token has no key `{0}`")]
    KeyMissing(String),
    /// The token cannot do this at all.
    #[error("the token cannot do {function} with what it was asked ({code})")]
    MechanismMissing {
        /// The PKCS#11 function.
        function: String,
        /// What it returned.
        code: String,
    },
    /// A wrapped share is not what this token's wrapping key once wrapped.
    #[error("the wrapped key share is damaged, or wrapped under another key ({0})")]
    WrappedShareDamaged(String),
    /// More is asked than the token gets done.
    #[error("the token is busy")]
    Busy,
    /// A call into the module did not come back in time. What it was to do may yet be done.
    #[error("the token did not answer within {} seconds", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The token went away or did not answer a moment ago, and is not asked again yet.
    #[error("the token is out of order and is tried again shortly: {0}")]
    OutOfOrder(String),
    /// The process in which the module runs ended: the module crashed, or was ended because a call
    /// hung in it. What it was to do may have been done.
    #[error("the PKCS#11 module's process ended ({0}); another takes its place")]
    ProcessEnded(String),
    /// The session, the login or the token itself went away. Seen by callers only after opening
    /// everything anew did not help.
    #[error("the token is gone: {function} says {code}")]
    Gone {
        /// The PKCS#11 function.
        function: String,
        /// What it returned.
        code: String,
    },
    /// The module failed without a word on why: what a lost connection to a network HSM may look
    /// like, but also a request that the module cannot cope with.
    #[error("the token failed: {function} says {code}, which may be anything")]
    Unexplained {
        /// The PKCS#11 function.
        function: String,
        /// What it returned.
        code: String,
    },
    /// Anything else: the token is broken, or the module has a bug.
    #[error("the token failed: {function} says {code}")]
    Fault {
        /// The PKCS#11 function, or what else was tried.
        function: String,
        /// What came of it.
        code: String,
    },
}

impl HsmError {
    /// A fault that no PKCS#11 function reported.
    pub(crate) fn fault(function: &str, code: impl ToString) -> Self {
        Self::Fault {
            function: function.to_owned(),
            code: code.to_string(),
        }
    }

    /// Whether this tells of the token rather than of what was asked of it: then asking for
    /// something else at once is in vain.
    pub(crate) fn is_out_of_order(&self) -> bool {
        matches!(
            self,
            Self::Gone { .. } | Self::TokenMissing { .. } | Self::ProcessEnded(_)
        )
    }

    /// Whether opening module, session and login anew may help.
    pub(crate) fn may_pass_with_a_new_session(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Unexplained { .. })
    }
}

impl From<Error> for HsmError {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => from_return_value(code, function),
            Error::NullFunctionPointer | Error::NotSupported => Self::MechanismMissing {
                function: "a PKCS#11 function".to_owned(),
                code: format!("{error:?}"),
            },
            other => Self::fault("the PKCS#11 module", format!("{other:?}")),
        }
    }
}

/// `Debug` of both, because cryptoki's `Display` of a return value is a paragraph of the standard.
fn from_return_value(code: RvError, function: Function) -> HsmError {
    use RvError as R;
    let (function_name, code_name) = (format!("{function:?}"), format!("{code:?}"));
    match code {
        R::PinIncorrect | R::PinInvalid | R::PinLenRange => HsmError::PinWrong,
        R::PinLocked | R::PinExpired => HsmError::PinLocked,
        R::MechanismInvalid
        | R::MechanismParamInvalid
        | R::FunctionNotSupported
        | R::CurveNotSupported
        | R::KeySizeRange => HsmError::MechanismMissing {
            function: function_name,
            code: code_name,
        },
        R::SessionHandleInvalid
        | R::SessionClosed
        | R::SessionReadOnlyExists
        | R::UserNotLoggedIn
        | R::CryptokiNotInitialized
        | R::DeviceRemoved
        | R::DeviceError
        | R::TokenNotPresent
        | R::TokenNotRecognized
        | R::SlotIdInvalid
        | R::OperationActive
        | R::KeyHandleInvalid
        | R::ObjectHandleInvalid
        | R::UnwrappingKeyHandleInvalid
        | R::WrappingKeyHandleInvalid => HsmError::Gone {
            function: function_name,
            code: code_name,
        },
        R::SessionCount => HsmError::Busy,
        _ if matches!(function, Function::UnwrapKey) => HsmError::WrappedShareDamaged(code_name),
        R::GeneralError | R::FunctionFailed => HsmError::Unexplained {
            function: function_name,
            code: code_name,
        },
        _ => HsmError::Fault {
            function: function_name,
            code: code_name,
        },
    }
}
