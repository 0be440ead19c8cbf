//! What an attacker finds on the disk of a device, and does with it as root: everything but the PIN.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::policy::{PolicyDigest, signing_key_name};
use symbolon_protocol::release::{Name, PolicyReference, limit_write_cp_hash};
use symbolon_tpm::esys::{
    Authorization, Context, EsysError, NvAuthority, Object, PrivateArea, PublicArea, Session,
    SessionKind, SessionUse, SignedAssertion, attributes,
};
use symbolon_vault::SealedShare;

/// A share as it lies on the disk.
pub struct Loot {
    pub reference: PolicyReference,
    pub index: u32,
    pub index_name: Name,
    pub index_policy: [u8; 32],
    pub salt: Vec<u8>,
    pub approver: [u8; 65],
    pub release_key: [u8; 65],
    pub key_public: PublicArea,
    pub key_private: PrivateArea,
    approvals: serde_json::Value,
}

impl Loot {
    pub fn of(share: &SealedShare) -> Self {
        let content = &share.content["content"];
        let octets = |name: &str| {
            serde_json::from_value::<Octets>(content[name].clone())
                .unwrap()
                .0
        };
        let reference: PolicyReference =
            serde_json::from_value(content["reference"].clone()).unwrap();
        let index = content["index"].as_u64().unwrap() as u32;
        let approver: [u8; 65] = octets("approver").try_into().unwrap();
        let policy =
            *PolicyDigest::authorized(&signing_key_name(&approver), &reference.octets()).octets();
        Self {
            index,
            index_name: symbolon_protocol::release::index_name(index, &policy),
            index_policy: policy,
            salt: octets("salt"),
            approver,
            release_key: octets("releaseKey").try_into().unwrap(),
            key_public: PublicArea::from_octets(&octets("keyPublic")).unwrap(),
            key_private: PrivateArea(octets("keyPrivate")),
            approvals: content["approvals"].clone(),
            reference,
        }
    }

    /// The index's authValue for a PIN.
    pub fn auth_value(&self, pin: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.salt).unwrap();
        mac.update(pin.as_bytes());
        let mut value = mac.finalize().into_bytes().to_vec();
        value[31] |= 1;
        value
    }

    fn approval(&self, name: &str) -> [u8; 64] {
        let octets: Octets = serde_json::from_value(self.approvals[name].clone()).unwrap();
        octets.0.try_into().unwrap()
    }

    /// The digest that `P` approved for a release.
    pub fn release_policy(&self, limit: u32) -> PolicyDigest {
        PolicyDigest::start()
            .signed(
                &signing_key_name(&self.release_key),
                &self.reference.for_release(limit).unwrap(),
            )
            .cp_hash(&limit_write_cp_hash(&self.index_name, limit))
    }
}

/// Root on the device, with the owner's empty authorization.
pub struct Attacker {
    pub context: Context,
    pub loot: Loot,
    pub index: Object,
}

impl Attacker {
    pub fn new(tcti: &str, share: &SealedShare) -> Self {
        let context = Context::connect(tcti).unwrap();
        let loot = Loot::of(share);
        let index = context.open(loot.index).unwrap();
        Self {
            context,
            loot,
            index,
        }
    }

    pub fn policy_session(&self) -> Session {
        self.context
            .start_session(SessionKind::Policy, None, None, SessionUse::CONTINUED)
            .unwrap()
    }

    pub fn hmac_session(&self) -> Session {
        self.context
            .start_session(SessionKind::Hmac, None, None, SessionUse::CONTINUED)
            .unwrap()
    }

    /// One guess, as fast as it goes.
    pub fn guess(&self, pin: &str) -> Result<(), EsysError> {
        let session = self.policy_session();
        self.guess_in(&session, Authorization::Password, pin)
    }

    pub fn guess_in(
        &self,
        session: &Session,
        authorization: Authorization<'_>,
        pin: &str,
    ) -> Result<(), EsysError> {
        let _authorized = self.index.authorize(&self.loot.auth_value(pin))?;
        self.context
            .policy_secret(session, &self.index, authorization)
    }

    /// Guesses wrong until the TPM judges no more, and says how often it judged.
    pub fn guess_until_refused(&self) -> usize {
        (0..)
            .take_while(|_| self.guess("0000").unwrap_err().is_wrong_authorization())
            .count()
    }

    /// The counter: failures and limit.
    pub fn count(&self) -> (u32, u32) {
        let contents = self
            .context
            .nv_read(NvAuthority::Owner, Authorization::Password, &self.index, 8)
            .unwrap();
        let number = |part: &[u8]| u32::from_be_bytes(part.try_into().unwrap());
        (number(&contents[..4]), number(&contents[4..]))
    }

    /// A session that needs only its write to raise the limit; `signature` is the service's over
    /// the session's nonce.
    pub fn fulfil_release(
        &self,
        limit: u32,
        sign: impl FnOnce(&Octets) -> symbolon_protocol::device::lock::Release,
    ) -> Result<Session, EsysError> {
        let session =
            self.context
                .start_session(SessionKind::Policy, None, None, SessionUse::LAST)?;
        let release = sign(&Octets(session.nonce()?));
        let cp_hash = limit_write_cp_hash(&self.loot.index_name, limit);
        {
            let service = self.load_external(&self.loot.release_key)?;
            let assertion = SignedAssertion {
                expiration_seconds: release.expiration_seconds as i32,
                cp_hash: &cp_hash,
                reference: &self.loot.reference.for_release(limit).unwrap(),
                signature: &release.signature.as_slice().try_into().unwrap(),
            };
            self.context.policy_signed(&session, &service, &assertion)?;
        }
        self.context.policy_cp_hash(&session, &cp_hash)?;
        self.approve(&session, limit)?;
        Ok(session)
    }

    /// `PolicyAuthorize` with what `P` approved for a release.
    pub fn approve(&self, session: &Session, limit: u32) -> Result<(), EsysError> {
        let policy = self.loot.release_policy(limit);
        let name = if limit == 6 {
            "firstRelease"
        } else {
            "secondRelease"
        };
        let approver = self.load_external(&self.loot.approver)?;
        let ticket = self.context.verify_signature(
            &approver,
            &policy.approval_digest(&self.loot.reference.octets()),
            &self.loot.approval(name),
        )?;
        self.context.policy_authorize(
            session,
            policy.octets(),
            &self.loot.reference.octets(),
            &signing_key_name(&self.loot.approver),
            &ticket,
        )
    }

    pub fn write_limit(&self, session: &Session, limit: u32) -> Result<(), EsysError> {
        self.context.nv_write(
            NvAuthority::Index,
            Authorization::Session(session),
            &self.index,
            &limit.to_be_bytes(),
            4,
        )
    }

    pub fn load_external(&self, point: &[u8; 65]) -> Result<Object, EsysError> {
        self.context.load_external(&PublicArea::p256(
            attributes::USER_WITH_AUTH | attributes::SIGN,
            false,
            false,
            Some(point),
        ))
    }

    /// Loads the stolen key below the storage key.
    pub fn load_key(&self) -> Result<Object, EsysError> {
        let storage_key = self.context.open(0x8100_0001)?;
        self.context
            .load(&storage_key, &self.loot.key_private, &self.loot.key_public)
    }
}
