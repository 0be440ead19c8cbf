//! What a vault asks of its token, as data: it is done in the module's process.

use serde::{Deserialize, Serialize};

use super::asking_again;
use super::counter::{self, Record};
use super::examination::{self, Examination};
use super::objects;
use super::sealed::Id;
use crate::error::HsmError;
use crate::login::OwnPin;
use crate::process::Secret;
use crate::process::act::Act;
use crate::session::TokenSession;

/// Tries what a vault needs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Examine;

impl Act for Examine {
    type Answer = Examination;

    fn perform(&self, session: &TokenSession) -> Result<Examination, HsmError> {
        examination::examine(session)
    }
}

/// How the token's own PIN stands.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReadOwnPin;

impl Act for ReadOwnPin {
    type Answer = OwnPin;

    fn perform(&self, session: &TokenSession) -> Result<OwnPin, HsmError> {
        session.token().own_pin()
    }
}

/// The counter of a share whose keys are all there.
#[derive(Serialize, Deserialize)]
pub(crate) struct Usable {
    pub(crate) id: Id,
}

impl Act for Usable {
    type Answer = Record;

    fn perform(&self, session: &TokenSession) -> Result<Record, HsmError> {
        objects::expect(session, self.id)?;
        counter::read(session, self.id)
    }
}

/// Writes a counter.
#[derive(Serialize, Deserialize)]
pub(crate) struct WriteCounter {
    pub(crate) id: Id,
    pub(crate) record: Record,
}

impl Act for WriteCounter {
    type Answer = ();

    fn perform(&self, session: &TokenSession) -> Result<(), HsmError> {
        counter::write(session, self.id, self.record)
    }
}

/// The HMAC over what a PIN gives.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hmac {
    pub(crate) id: Id,
    pub(crate) input: Secret,
}

impl Act for Hmac {
    type Answer = Secret;

    fn perform(&self, session: &TokenSession) -> Result<Secret, HsmError> {
        objects::hmac(session, self.id, &self.input.0).map(Secret)
    }
}

/// `message^d mod n` with a share.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignWithShare {
    pub(crate) id: Id,
    pub(crate) message: Vec<u8>,
}

impl Act for SignWithShare {
    type Answer = Vec<u8>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<u8>, HsmError> {
        objects::raw_rsa(session, self.id, &self.message)
    }
}

/// Makes the keys of a share; answers its modulus.
#[derive(Serialize, Deserialize)]
pub(crate) struct MakeShare {
    pub(crate) id: Id,
    /// Whether the token is to ask for its PIN at each use.
    pub(crate) asks_again: bool,
}

impl Act for MakeShare {
    type Answer = Vec<u8>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<u8>, HsmError> {
        let also = match self.asks_again {
            true => asking_again::ASKING,
            false => &[],
        };
        objects::make(session, self.id, also)
    }
}

/// Removes everything of a share.
#[derive(Serialize, Deserialize)]
pub(crate) struct Remove {
    pub(crate) id: Id,
}

impl Act for Remove {
    type Answer = ();

    fn perform(&self, session: &TokenSession) -> Result<(), HsmError> {
        objects::destroy(session, self.id)?;
        counter::destroy(session, self.id)
    }
}

/// Makes a device key; answers its point, and what the module says of the token.
#[derive(Serialize, Deserialize)]
pub(crate) struct MakeDeviceKey {
    pub(crate) id: Id,
}

impl Act for MakeDeviceKey {
    type Answer = (Vec<u8>, String);

    fn perform(&self, session: &TokenSession) -> Result<(Vec<u8>, String), HsmError> {
        let description = examination::describe(session)?;
        Ok((objects::make_device_key(session, self.id)?, description))
    }
}

/// Removes a device key.
#[derive(Serialize, Deserialize)]
pub(crate) struct RemoveDeviceKey {
    pub(crate) id: Id,
}

impl Act for RemoveDeviceKey {
    type Answer = ();

    fn perform(&self, session: &TokenSession) -> Result<(), HsmError> {
        objects::destroy(session, self.id)
    }
}

/// ECDSA over a digest with a device key: r and s.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignAsDevice {
    pub(crate) id: Id,
    pub(crate) digest: [u8; 32],
}

impl Act for SignAsDevice {
    type Answer = Vec<u8>;

    fn perform(&self, session: &TokenSession) -> Result<Vec<u8>, HsmError> {
        objects::sign_as_device(session, self.id, &self.digest).map(|signature| signature.to_vec())
    }
}
