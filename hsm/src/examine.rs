//! Looking what a token can do by having it done: every act of the service, on keys that are gone
//! afterwards. What a token lists as its mechanisms is not enough: some list what they refuse.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use serde::{Deserialize, Serialize};

use crate::address::{TokenAddress, TokenFacts};
use crate::error::HsmError;
use crate::key::{self, Curve, Stay};
use crate::mechanisms;
use crate::pin::PinSource;
use crate::process::act::Examine;
use crate::process::line::Line;
use crate::process::module::Module;
use crate::session::TokenSession;
use crate::share::{self, SHARE_MODULUS_OCTETS, WrappedShare};
use crate::token::{Access, Token};
use crate::verify;

/// The label of the keys that are made for looking. None of them is kept.
const THROW_AWAY: &str = "symbolon-examination";

/// So many shares are wrapped, because wrapped keys differ in length, and a token may get one length
/// right and another wrong.
const SHARES: usize = 4;

/// What a token is and can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// The module's file.
    pub module: PathBuf,
    /// What the module says of itself: name, maker, version.
    pub library: String,
    /// What the module says of the token; `None` where that cannot be read.
    pub token: Option<TokenFacts>,
    /// The number of the token's slot.
    pub slot: u64,
    /// What was looked at.
    pub abilities: Vec<Ability>,
}

/// One thing that the service needs of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// What the token does.
    pub name: String,
    /// What does not work without it.
    pub needed_for: String,
    /// Why the token lacks it; `None` if it does not.
    pub lacking: Option<String>,
}

impl Examination {
    /// Whether the token can do all that is needed.
    pub fn is_fit(&self) -> bool {
        self.abilities.iter().all(|one| one.lacking.is_none())
    }
}

/// Loads the module, logs in and tries everything. `sessions` is how many the service will hold.
/// Leaves nothing on the token. Blocks, up to seconds.
pub fn examine(
    address: TokenAddress,
    pins: Arc<dyn PinSource>,
    sessions: usize,
    deadline: Duration,
) -> Result<Examination, HsmError> {
    let module = Arc::new(Module::new(address, pins)?);
    module.within(deadline, || {
        let mut line = Line::new(Arc::clone(&module), Access::Make);
        line.perform_once::<Examine>(&Examine { sessions }.into())
    })
}

/// The same with a session, in the module's process. `writes` tells why it is not one that writes.
pub(crate) fn examine_with(
    session: &TokenSession,
    sessions: usize,
    writes: Result<(), String>,
) -> Result<Examination, HsmError> {
    let token = session.token();
    let (slot, facts) = token.describe()?;
    let mut found = Found(Vec::new());
    found.missing_mechanisms(token)?;
    found.note(KEEPS_KEYS, writes);
    found.note(SESSIONS, token.has_room_for(sessions)?);
    found.try_signing_keys(session);
    found.try_shares(session);
    Ok(Examination {
        module: token.module().to_owned(),
        library: token.library()?,
        token: facts,
        slot,
        abilities: found.0,
    })
}

type Need = (&'static str, &'static str);

const KEEPS_KEYS: Need = (
    "opens a session that may write",
    "making the service's own keys at `init`",
);
const SESSIONS: Need = (
    "holds a session for each thread",
    "serving with the configured `threads`",
);
const P256: Need = (
    "makes P-256 keys that sign (ECDSA)",
    "the release key and the TLS server's key",
);
const P384: Need = (
    "makes P-384 keys that sign (ECDSA)",
    "the certificate authorities' keys",
);
const SIGNING_KEYS_STAY: Need = (
    "keeps signing keys sensitive and not extractable",
    "the promise that no key of the service leaves the token",
);
const WRAPPING_KEY: Need = (
    "makes AES-256 keys that only wrap and unwrap",
    "keeping key shares in the store where only the token can use them",
);
const SHARE: Need = (
    "makes RSA-2048 session keys and wraps them (AES key wrap with padding)",
    "making key shares, so that anybody can enrol",
);
const UNWRAPPED_STAYS: Need = (
    "unwraps them as sensitive and not extractable",
    "the promise that a key share is usable in the token alone",
);
const RAW_RSA: Need = (
    "signs with them by raw RSA, rightly",
    "the service's half of every signature",
);

struct Found(Vec<Ability>);

impl Found {
    fn note(&mut self, (name, needed_for): Need, result: Result<(), String>) {
        self.0.push(Ability {
            name: name.to_owned(),
            needed_for: needed_for.to_owned(),
            lacking: result.err(),
        });
    }

    fn missing_mechanisms(&mut self, token: &Token) -> Result<(), HsmError> {
        let missing = mechanisms::missing(token)?;
        for (place, need) in mechanisms::needed().enumerate() {
            self.note(
                (need.name, need.needed_for),
                match missing.contains(&place) {
                    true => Err("the token does not offer this mechanism".to_owned()),
                    false => Ok(()),
                },
            );
        }
        Ok(())
    }

    fn try_signing_keys(&mut self, session: &TokenSession) {
        let small = signs(session, Curve::P256);
        self.note(P256, small.map(drop).map_err(reason));
        let large = signs(session, Curve::P384);
        let stays = match &large {
            Ok(private) => stays(session, *private).map_err(reason),
            Err(_) => Err(not_tried(P384)),
        };
        self.note(P384, large.map(drop).map_err(reason));
        self.note(SIGNING_KEYS_STAY, stays);
    }

    fn try_shares(&mut self, session: &TokenSession) {
        let wrapping = key::generate_wrapping_key(session, THROW_AWAY, Stay::Session);
        let shares = match &wrapping {
            Ok(wrapping) => (0..SHARES)
                .map(|_| share::generate_under(session, *wrapping))
                .collect::<Result<Vec<_>, _>>()
                .map_err(reason),
            Err(_) => Err(not_tried(WRAPPING_KEY)),
        };
        let (stays, signs) = match (&wrapping, &shares) {
            (Ok(wrapping), Ok(shares)) => {
                let mut all = shares.iter();
                let stays = all.try_for_each(|share| unwrapped_stays(session, *wrapping, share));
                let mut all = shares.iter();
                let signs = all.try_for_each(|share| raw_rsa_is_right(session, *wrapping, share));
                (stays.map_err(reason), signs.map_err(reason))
            }
            _ => (Err(not_tried(SHARE)), Err(not_tried(SHARE))),
        };
        self.note(WRAPPING_KEY, wrapping.map(drop).map_err(reason));
        self.note(SHARE, shares.map(drop));
        self.note(UNWRAPPED_STAYS, stays);
        self.note(RAW_RSA, signs);
    }
}

/// Makes a key, signs, verifies. The keys go with the session.
fn signs(session: &TokenSession, curve: Curve) -> Result<ObjectHandle, HsmError> {
    let (public, private) = key::generate_signing_key(session, THROW_AWAY, curve, Stay::Session)?;
    let point = key::point_of(session, THROW_AWAY, public, curve)?;
    let digest = vec![0x5a; curve.scalar_octets()];
    let signature = key::ecdsa(session, private, curve, &digest)?;
    match verify::ecdsa(curve, &point, &digest, &signature) {
        true => Ok(private),
        false => Err(HsmError::fault("Sign", "a signature that is not right")),
    }
}

fn unwrapped_stays(
    session: &TokenSession,
    wrapping: ObjectHandle,
    share: &WrappedShare,
) -> Result<(), HsmError> {
    let unwrapped = share::unwrap(session, wrapping, &share.wrapped)?;
    let judged = stays(session, unwrapped);
    session.destroy(unwrapped)?;
    judged
}

fn stays(session: &TokenSession, private: ObjectHandle) -> Result<(), HsmError> {
    let attributes = session.pkcs11().get_attributes(
        private,
        &[AttributeType::Sensitive, AttributeType::Extractable],
    )?;
    let stays = attributes.contains(&Attribute::Sensitive(true))
        && attributes.contains(&Attribute::Extractable(false));
    match stays {
        true => Ok(()),
        false => Err(HsmError::fault(
            "GetAttributeValue",
            format!("{attributes:?}"),
        )),
    }
}

fn raw_rsa_is_right(
    session: &TokenSession,
    wrapping: ObjectHandle,
    share: &WrappedShare,
) -> Result<(), HsmError> {
    // Below every modulus of this length, whose highest bit is set; nothing like a padding.
    let mut message = vec![0xa5; SHARE_MODULUS_OCTETS];
    message[0] = 0x01;
    let signature = share::raw_rsa_under(session, wrapping, &share.wrapped, &message)?;
    match verify::raw_rsa(&share.modulus, &message, &signature) {
        true => Ok(()),
        false => Err(HsmError::fault("Sign", "a result that is not message^d")),
    }
}

fn not_tried((name, _): Need) -> String {
    format!("not tried, because it needs a token that {name}")
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn reason(error: HsmError) -> String {
    error.to_string()
}
