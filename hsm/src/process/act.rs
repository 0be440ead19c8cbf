//! What can be asked of a module's process: data, because closures do not cross processes.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::error::HsmError;
use crate::key::{self, Curve, Made};
use crate::process::Parent;
use crate::session::TokenSession;
use crate::share::{self, WrappedShare};
use crate::vault::acts::{
    Examine as ExamineForVault, Hmac, MakeDeviceKey, MakeShare, ReadOwnPin, Remove,
    RemoveDeviceKey, SignAsDevice, SignWithShare, Usable, WriteCounter,
};
use crate::worker::Worker;
use crate::{examine, mechanisms};

/// Something that is done in one go, and names what it answers. It may be done twice: with
/// everything opened anew, and in another process if the first one ended.
pub(crate) trait Act: Into<Errand> {
    /// What comes of it.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Does it with a session.
    fn perform(&self, session: &TokenSession) -> Result<Self::Answer, HsmError>;

    /// Does it, with a worker's session unless it needs more than one.
    fn perform_by(&self, worker: &mut Worker) -> Result<Self::Answer, HsmError> {
        worker.act(|session| self.perform(session))
    }
}

/// What comes back from the other side.
#[derive(Serialize, Deserialize)]
pub(crate) enum Reply<T> {
    /// It logs in, and wants the PIN.
    PinWanted,
    /// Something was lost, and it opens everything anew.
    OpensAnew(String),
    /// It is done.
    Done(Result<T, HsmError>),
}

macro_rules! errands {
    ($($act:ident),* $(,)?) => {
        /// Any act, as it is sent.
        #[derive(Serialize, Deserialize)]
        pub(crate) enum Errand {
            $(#[allow(missing_docs, reason = "each is documented where it is defined")] $act($act),)*
        }

        $(impl From<$act> for Errand {
            fn from(act: $act) -> Self {
                Self::$act(act)
            }
        })*

        impl Errand {
            /// Has a worker do it, and answers.
            pub(crate) fn run(&self, worker: &mut Worker, parent: &Parent) -> std::io::Result<()> {
                match self {
                    $(Self::$act(act) => parent.answer(act.perform_by(worker)),)*
                }
            }
        }
    };
}

errands! {
    OpenSession, MissingMechanisms, MakeSigningKey, MakeWrappingKey, FindSigningKey,
    ExpectWrappingKey, Sign, GenerateShare, RawRsa, Examine,
    ExamineForVault, ReadOwnPin, Usable, WriteCounter, Hmac, SignWithShare, MakeShare, Remove, MakeDeviceKey, RemoveDeviceKey,
    SignAsDevice,
}

/// A key's label.
pub(crate) type Label = Cow<'static, str>;

/// Opens the worker's session, so that what is wrong with the token is known at once.
#[derive(Serialize, Deserialize)]
pub(crate) struct OpenSession;

impl Act for OpenSession {
    type Answer = ();

    fn perform(&self, _: &TokenSession) -> Result<(), HsmError> {
        Ok(())
    }
}

/// Which needed mechanisms the token lacks, by their places among those needed.
#[derive(Serialize, Deserialize)]
pub(crate) struct MissingMechanisms;

impl Act for MissingMechanisms {
    type Answer = Vec<usize>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<usize>, HsmError> {
        mechanisms::missing(session.token())
    }
}

/// Makes a signing key unless there is one.
#[derive(Serialize, Deserialize)]
pub(crate) struct MakeSigningKey {
    pub(crate) label: Label,
    pub(crate) curve: Curve,
}

impl Act for MakeSigningKey {
    type Answer = Made;

    fn perform(&self, session: &TokenSession) -> Result<Made, HsmError> {
        key::make_signing_key(session, &self.label, self.curve)
    }
}

/// Makes a wrapping key unless there is one.
#[derive(Serialize, Deserialize)]
pub(crate) struct MakeWrappingKey {
    pub(crate) label: Label,
}

impl Act for MakeWrappingKey {
    type Answer = Made;

    fn perform(&self, session: &TokenSession) -> Result<Made, HsmError> {
        key::make_wrapping_key(session, &self.label)
    }
}

/// The public point of a signing key that must be there.
#[derive(Serialize, Deserialize)]
pub(crate) struct FindSigningKey {
    pub(crate) label: Label,
    pub(crate) curve: Curve,
}

impl Act for FindSigningKey {
    type Answer = Vec<u8>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<u8>, HsmError> {
        key::find_signing_key(session, &self.label, self.curve)
    }
}

/// Makes sure that there is a wrapping key.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExpectWrappingKey {
    pub(crate) label: Label,
}

impl Act for ExpectWrappingKey {
    type Answer = ();

    fn perform(&self, session: &TokenSession) -> Result<(), HsmError> {
        key::wrapping_key(session, &self.label).map(drop)
    }
}

/// ECDSA over a digest.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sign {
    pub(crate) label: Label,
    pub(crate) curve: Curve,
    pub(crate) digest: Vec<u8>,
}

impl Act for Sign {
    type Answer = Vec<u8>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<u8>, HsmError> {
        key::sign(session, &self.label, self.curve, &self.digest)
    }
}

/// Makes a key share and wraps it.
#[derive(Serialize, Deserialize)]
pub(crate) struct GenerateShare {
    pub(crate) wrapping_key: Label,
}

impl Act for GenerateShare {
    type Answer = WrappedShare;

    fn perform(&self, session: &TokenSession) -> Result<WrappedShare, HsmError> {
        share::generate(session, &self.wrapping_key)
    }
}

/// Unwraps a share, uses it once and destroys it: three calls of the module, one message here.
#[derive(Serialize, Deserialize)]
pub(crate) struct RawRsa {
    pub(crate) wrapping_key: Label,
    pub(crate) wrapped: ByteBuf,
    pub(crate) message: ByteBuf,
}

impl Act for RawRsa {
    type Answer = ByteBuf;

    fn perform(&self, session: &TokenSession) -> Result<ByteBuf, HsmError> {
        share::raw_rsa(session, &self.wrapping_key, &self.wrapped, &self.message).map(ByteBuf::from)
    }
}

/// Tries all that the service needs of a token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Examine {
    pub(crate) sessions: usize,
}

impl Act for Examine {
    type Answer = examine::Examination;

    fn perform(&self, session: &TokenSession) -> Result<examine::Examination, HsmError> {
        examine::examine_with(session, self.sessions, Ok(()))
    }

    /// Where no session that writes can be had, one that does not shows more than that.
    fn perform_by(&self, worker: &mut Worker) -> Result<examine::Examination, HsmError> {
        match worker.act(|_| Ok(())) {
            Ok(()) => worker.act(|session| self.perform(session)),
            Err(error @ (HsmError::Fault { .. } | HsmError::Gone { .. })) => {
                let lacking = error.to_string();
                worker.reading_only().act(|session| {
                    examine::examine_with(session, self.sessions, Err(lacking.clone()))
                })
            }
            Err(error) => Err(error),
        }
    }
}
