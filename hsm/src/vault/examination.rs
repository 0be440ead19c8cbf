//! What a token can do for a vault, found out by having it done. It leaves nothing behind.

use cryptoki::mechanism::Mechanism;
use serde::{Deserialize, Serialize};
use symbolon_vault::{Custody, Finding};

use super::counter::{self, Record};
use super::objects;
use super::sealed::Id;
use crate::error::HsmError;
use crate::key::{self, Curve};
use crate::session::TokenSession;
use crate::share::SHARE_MODULUS_OCTETS;
use crate::state::ProcessEnds;

/// What was found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Examination {
    hardware: String,
    abilities: Vec<Finding>,
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
        let detail = match trial(session) {
            Ok(()) => None,
            Err(
                error @ (HsmError::MechanismMissing { .. }
                | HsmError::Fault { .. }
                | HsmError::KeyMissing(_)),
            ) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        abilities.push(Finding {
            property: property.to_owned(),
            holds: detail.is_none(),
            detail: detail.unwrap_or_else(|| "tried".to_owned()),
        });
    }
    Ok(Examination {
        hardware: describe(session)?,
        abilities,
    })
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

    pub(super) fn custody(&self, ends: ProcessEnds) -> Custody {
        let mut findings = self.abilities.clone();
        findings.push(Finding {
            property: "its PKCS#11 module neither crashes nor hangs".to_owned(),
            holds: ends == ProcessEnds::default(),
            detail: match ends {
                ProcessEnds { hung: 0, died: 0 } => "not since symbolond started".to_owned(),
                ProcessEnds { hung, died } => format!(
                    "since symbolond started, its process was replaced {died} times after it \
                     ended by itself and {hung} times because a call hung; the journal says when"
                ),
            },
        });
        findings.push(Finding {
            property: "it judges and locks the PINs of accounts itself".to_owned(),
            holds: false,
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
    let (public, private) = objects::make_rsa_key(session, TRIAL, false)?;
    let tried = (|| {
        if objects::may_leave(session, private)? {
            return Err(HsmError::fault("a key share", "it may leave the token"));
        }
        let mut message = vec![7; SHARE_MODULUS_OCTETS];
        message[0] = 0;
        let modulus = crate::share::modulus_of(session, public)?;
        let signature = session
            .pkcs11()
            .sign(&Mechanism::RsaX509, private, &message)?;
        match crate::verify::raw_rsa(&modulus, &message, &signature) {
            true => Ok(()),
            false => Err(HsmError::fault("raw RSA", "what it computes is wrong")),
        }
    })();
    session.destroy(public)?;
    session.destroy(private)?;
    tried
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
