//! What a token can do for a vault, found out by having it done. It leaves nothing behind.
//!
//! * here: what every vault needs.
//! * [`super::extras`]: what a token may offer beyond that.

use cryptoki::object::{Attribute, ObjectHandle};
use serde::{Deserialize, Serialize};
use symbolon_vault::{Bearing, Custody, Finding};

use super::asking_again;
use super::counter::{self, Record};
use super::extras::{self, Extras};
use super::objects;
use super::sealed::Id;
use crate::error::HsmError;
use crate::key::{self, Curve};
use crate::login::OwnPin;
use crate::session::TokenSession;
use crate::share::SHARE_MODULUS_OCTETS;
use crate::state::ProcessEnds;

/// What was found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Examination {
    hardware: String,
    abilities: Vec<Finding>,
    pub(super) extras: Extras,
}

type Trial = fn(&TokenSession) -> Result<(), HsmError>;

/// Each ability that a vault needs, and how it is tried.
const NEEDS: [(&str, Trial); 5] = [
    ("it asks for a PIN of its own", ask_for_a_pin),
    ("it makes RSA key shares that cannot leave it", make_a_share),
    (
        "it makes a PIN's key and computes HMAC-SHA256",
        make_an_hmac,
    ),
    ("it keeps a counter", keep_a_counter),
    ("it makes a device key and signs with it", sign_as_a_device),
];

pub(super) fn examine(session: &TokenSession) -> Result<Examination, HsmError> {
    let mut abilities = Vec::with_capacity(NEEDS.len());
    for (property, trial) in NEEDS {
        let lacking = lacking(trial(session))?;
        abilities.push(Finding {
            property: property.to_owned(),
            holds: lacking.is_none(),
            bearing: Bearing::Required,
            detail: lacking.unwrap_or_else(|| "tried".to_owned()),
        });
    }
    Ok(Examination {
        hardware: describe(session)?,
        abilities,
        // Last: what a token makes of them must not stand in the way of what is needed.
        extras: extras::examine(session)?,
    })
}

/// Why a trial shows that a token lacks something, unless the trial itself failed.
pub(super) fn lacking<T>(trial: Result<T, HsmError>) -> Result<Option<String>, HsmError> {
    match trial {
        Ok(_) => Ok(None),
        Err(
            error @ (HsmError::MechanismMissing { .. }
            | HsmError::Fault { .. }
            | HsmError::KeyMissing(_)),
        ) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Maker, model and serial number, as the module tells them.
pub(super) fn describe(session: &TokenSession) -> Result<String, HsmError> {
    Ok(match session.token().describe()? {
        (_, Some(facts)) => format!(
            "PKCS#11 token {} of {}, {}, serial number {}",
            facts.label, facts.manufacturer, facts.model, facts.serial
        ),
        (slot, None) => format!("PKCS#11 token in slot {slot}"),
    })
}

impl Examination {
    /// Why no share may be enrolled on this token.
    pub(super) fn unfit(&self) -> Option<String> {
        let lacking: Vec<_> = self
            .abilities
            .iter()
            .filter(|ability| !ability.holds)
            .map(|ability| format!("not so: {}: {}", ability.property, ability.detail))
            .collect();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }

    /// `own_pin` as it stands now.
    pub(super) fn custody(&self, ends: ProcessEnds, own_pin: OwnPin) -> Custody {
        let mut findings = self.abilities.clone();
        findings.push(extras::own_pin_finding(own_pin));
        findings.push(Finding {
            property: "its PKCS#11 module neither crashes nor hangs".to_owned(),
            holds: ends == ProcessEnds::default(),
            bearing: Bearing::Expected,
            detail: match ends {
                ProcessEnds { hung: 0, died: 0 } => "not since symbolond started".to_owned(),
                ProcessEnds { hung, died } => format!(
                    "since symbolond started, its process was replaced {died} times after it \
                     ended by itself and {hung} times because a call hung; the journal says when"
                ),
            },
        });
        findings.extend(self.extras.findings());
        findings.push(Finding {
            property: "it judges and locks the PINs of accounts itself".to_owned(),
            holds: false,
            bearing: Bearing::Extra,
            detail: "no PKCS#11 token does: it counts each entry, and the service judges it, \
                     counts it before it looks, and locks. Whoever can log in to the token and \
                     is in league with the service can try PINs without end"
                .to_owned(),
        });
        Custody {
            hardware: self.hardware.clone(),
            lockout_in_hardware: false,
            findings,
        }
    }
}

fn ask_for_a_pin(session: &TokenSession) -> Result<(), HsmError> {
    match session.token().asks_for_pin()? {
        true => Ok(()),
        false => Err(HsmError::fault(
            "a login",
            "none is required, so that whoever reaches the token may use every key on it",
        )),
    }
}

fn make_a_share(session: &TokenSession) -> Result<(), HsmError> {
    with_a_share(session, &[], |public, private, message| {
        if objects::may_leave(session, private)? {
            return Err(HsmError::fault("a key share", "it may leave the token"));
        }
        expect_raw_rsa(session, public, private, message)
    })
}

/// The PIN for each use, and none else.
pub(super) fn make_a_share_that_asks(session: &TokenSession) -> Result<(), HsmError> {
    with_a_share(session, asking_again::ASKING, |public, private, message| {
        asking_again::expect_asking(session, private, message)?;
        expect_raw_rsa(session, public, private, message)
    })
}

/// Makes a share, tries it with a message, and removes it.
fn with_a_share(
    session: &TokenSession,
    also: &[Attribute],
    trial: impl FnOnce(ObjectHandle, ObjectHandle, &[u8]) -> Result<(), HsmError>,
) -> Result<(), HsmError> {
    let (public, private) = objects::make_rsa_key(session, TRIAL, false, also)?;
    let mut message = vec![7; SHARE_MODULUS_OCTETS];
    message[0] = 0;
    let tried = trial(public, private, &message);
    session.destroy(public)?;
    session.destroy(private)?;
    tried
}

fn expect_raw_rsa(
    session: &TokenSession,
    public: ObjectHandle,
    private: ObjectHandle,
    message: &[u8],
) -> Result<(), HsmError> {
    let modulus = crate::share::modulus_of(session, public)?;
    let signature = asking_again::raw_rsa(session, private, message)?;
    match crate::verify::raw_rsa(&modulus, message, &signature) {
        true => Ok(()),
        false => Err(HsmError::fault("raw RSA", "what it computes is wrong")),
    }
}

fn make_an_hmac(session: &TokenSession) -> Result<(), HsmError> {
    let key = objects::make_hmac_key(session, TRIAL, false)?;
    let tried = objects::hmac_with(session, key, b"a trial");
    session.destroy(key)?;
    tried.map(drop)
}

fn keep_a_counter(session: &TokenSession) -> Result<(), HsmError> {
    let tried = (|| {
        let first = Record::first();
        counter::write(session, TRIAL, first)?;
        let second = first.with_limit(6);
        counter::write(session, TRIAL, second)?;
        match counter::read(session, TRIAL)? == second {
            true => Ok(()),
            false => Err(HsmError::fault("a counter", "it is not read as written")),
        }
    })();
    counter::destroy(session, TRIAL)?;
    tried
}

fn sign_as_a_device(session: &TokenSession) -> Result<(), HsmError> {
    let (public, private) = objects::make_p256_key(session, TRIAL, false)?;
    let tried = (|| {
        let point = objects::device_point(session, public)?;
        let signature = key::ecdsa(session, private, Curve::P256, &[7; 32])?;
        match crate::verify::ecdsa(Curve::P256, &point, &[7; 32], &signature) {
            true => Ok(()),
            false => Err(HsmError::fault("ECDSA", "what it signs does not verify")),
        }
    })();
    session.destroy(public)?;
    session.destroy(private)?;
    tried
}

/// The name of what is made for a trial alone.
const TRIAL: Id = Id([0; 16]);
