//! A share enrolled for the examination with the product's own code, its PIN mistyped until it is
//! dead, and removed again.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::lock::Release;
use symbolon_protocol::encoding::{EncodedMessage, HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::{LIMITS, PinCount};
use symbolon_protocol::random::random_octets;
use symbolon_protocol::release::{
    EXPIRATION_SECONDS, INDEX_ATTRIBUTES, INDEX_SIZE, INDEX_WRITTEN, LIMIT_OFFSET, PolicyReference,
    signed_digest,
};
use symbolon_vault::{Finding, Pin, PinOutcome, SealedShare, VaultError};

use super::finding;
use crate::connection::{Connection, authorization};
use crate::enrol::INDICES;
use crate::esys::{Authorization, NvAuthority, NvPublic, SessionKind, SessionUse, response};
use crate::fault::fault;
use crate::sealed::Share;

/// A share that exists for the examination.
pub(super) struct Scratch<'a> {
    connection: &'a mut Connection,
    share: Share,
    authority: SigningKey,
    right: Pin,
    wrong: Pin,
    findings: Vec<Finding>,
}

impl<'a> Scratch<'a> {
    pub(super) fn enrol_and_examine(
        connection: &'a mut Connection,
    ) -> Result<Vec<Finding>, VaultError> {
        const MADE: &str = "a PIN counter can be made, and written once";
        let authority = random_key()?;
        let sealed = match enrol(connection, &authority) {
            Ok(sealed) => sealed,
            Err(error @ (VaultError::Unavailable { .. } | VaultError::OwnerPassword { .. })) => {
                return Err(error);
            }
            Err(error) => return Ok(vec![finding(MADE, false, error.to_string())]),
        };
        let mut scratch = Scratch {
            share: Share::open(&sealed)?,
            connection,
            authority,
            right: pin(RIGHT)?,
            wrong: pin(b"0000")?,
            findings: vec![finding(MADE, true, String::new())],
        };
        let examined = scratch.examine();
        let index = scratch.share.index;
        let removed = scratch.undefine();
        let findings = scratch.findings;
        examined?;
        if let Err(error) = removed {
            tracing::warn!(%error, index, "a scratch index stays in the TPM");
        }
        Ok(findings)
    }

    fn examine(&mut self) -> Result<(), VaultError> {
        self.check("a right PIN opens the raw RSA operation", Self::signs)?;
        self.check("a right PIN clears the count", |scratch| {
            for _ in 0..3 {
                scratch.guess_wrong(2)?;
                if !scratch.signs()? || !scratch.stands(0, LIMITS[0])? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        self.check(
            "every wrong PIN is counted, however fast they come",
            |scratch| {
                scratch.guess_wrong(3)?;
                scratch.stands(LIMITS[0], LIMITS[0])
            },
        )?;
        self.check("at the limit no PIN is judged", Self::is_dead)?;
        self.check(
            "a release raises the limit and leaves the count alone",
            |scratch| {
                scratch.release(LIMITS[1])?;
                if !scratch.stands(LIMITS[0], LIMITS[1])? {
                    return Ok(false);
                }
                scratch.guess_wrong(3)?;
                scratch.release(LIMITS[2])?;
                scratch.stands(LIMITS[1], LIMITS[2])
            },
        )?;
        self.check("the last lock is for good", |scratch| {
            scratch.guess_wrong(3)?;
            Ok(scratch.stands(LIMITS[2], LIMITS[2])? && scratch.is_dead()?)
        })?;
        self.check(
            "neither owner nor PIN can write the counter",
            Self::refuses_writes,
        )?;
        self.check(
            "a session bound to the counter is refused",
            Self::refuses_binding,
        )?;
        self.check(
            "a counter put in its place is unusable",
            Self::refuses_replacement,
        )
    }

    /// Notes whether something holds. A TPM that is gone ends the examination; any other fault
    /// means that it does not hold.
    fn check(
        &mut self,
        property: &str,
        holds: impl FnOnce(&mut Self) -> Result<bool, VaultError>,
    ) -> Result<(), VaultError> {
        let (holds, detail) = match holds(self) {
            Ok(true) => (true, String::new()),
            Ok(false) => (
                false,
                "the TPM does otherwise; do not rely on it".to_owned(),
            ),
            Err(error @ VaultError::Unavailable { .. }) => return Err(error),
            Err(error) => (false, error.to_string()),
        };
        self.findings.push(finding(property, holds, detail));
        Ok(())
    }

    fn sign(&mut self, right: bool) -> Result<PinOutcome<()>, VaultError> {
        let algorithm = SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256);
        let message = EncodedMessage::encode(algorithm, &[7; 32], &[], &self.share.modulus)
            .map_err(|error| fault(error.to_string()))?;
        let pin = if right { &self.right } else { &self.wrong };
        let auth_value = self.share.auth_value(pin)?;
        let outcome = self.connection.sign(&self.share, &*auth_value, &message)?;
        Ok(match outcome {
            PinOutcome::Unjudged(_) => return Err(crate::fault::fault("a TPM judges PINs itself")),
            PinOutcome::Accepted(_) => PinOutcome::Accepted(()),
            PinOutcome::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
            PinOutcome::Locked => PinOutcome::Locked,
        })
    }

    fn signs(&mut self) -> Result<bool, VaultError> {
        Ok(self.sign(true)? == PinOutcome::Accepted(()))
    }

    fn is_dead(&mut self) -> Result<bool, VaultError> {
        Ok(self.sign(true)? == PinOutcome::Locked && self.sign(false)? == PinOutcome::Locked)
    }

    fn guess_wrong(&mut self, times: usize) -> Result<(), VaultError> {
        for _ in 0..times {
            if !matches!(self.sign(false)?, PinOutcome::Wrong { .. }) {
                return Err(fault("a wrong PIN was not called wrong"));
            }
        }
        Ok(())
    }

    fn stands(&mut self, failures: u32, limit: u32) -> Result<bool, VaultError> {
        let count = self.connection.read_count(&self.share)?;
        Ok(count == PinCount { failures, limit })
    }

    fn release(&mut self, limit: u32) -> Result<(), VaultError> {
        let nonce = self.connection.begin_release(&self.share)?;
        let reference = self.share.policies.release_reference(limit);
        let digest = signed_digest(
            nonce.as_slice(),
            EXPIRATION_SECONDS as i32,
            &self.share.policies.limit_write(limit),
            &reference.unwrap_or_default(),
        );
        let signature: p256::ecdsa::Signature = self
            .authority
            .sign_prehash(&digest)
            .map_err(|error| fault(error.to_string()))?;
        let release = Release {
            limit,
            expiration_seconds: EXPIRATION_SECONDS,
            signature: Octets(signature.to_bytes().to_vec()),
        };
        self.connection.finish_release(&self.share, &release)
    }

    fn refuses_writes(&mut self) -> Result<bool, VaultError> {
        let index = self.connection.index(&self.share)?;
        let owner = self.connection.owner_session(None, SessionUse::LAST)?;
        let contents = LIMITS[2].to_be_bytes();
        let by_owner = self.connection.context.nv_write(
            NvAuthority::Owner,
            authorization(&owner),
            &index,
            &contents,
            LIMIT_OFFSET,
        );
        let auth_value = self.share.auth_value(&self.right)?;
        let _authorized = index.authorize(&*auth_value)?;
        let by_pin = self.connection.context.nv_write(
            NvAuthority::Index,
            Authorization::Password,
            &index,
            &contents,
            LIMIT_OFFSET,
        );
        Ok(by_owner.is_err() && by_pin.is_err())
    }

    /// Such a session would be an oracle that nobody counts.
    fn refuses_binding(&mut self) -> Result<bool, VaultError> {
        let index = self.connection.index(&self.share)?;
        let auth_value = self.share.auth_value(&self.right)?;
        let _authorized = index.authorize(&*auth_value)?;
        let bound = self.connection.context.start_session(
            SessionKind::Hmac,
            None,
            Some(&index),
            SessionUse::LAST,
        );
        Ok(bound.is_err())
    }

    fn refuses_replacement(&mut self) -> Result<bool, VaultError> {
        const KNOWN: &[u8] = b"known to the attacker";
        self.undefine()?;
        let owner = self.connection.owner_session(None, SessionUse::LAST)?;
        let context = &self.connection.context;
        let replacement = context.nv_define(
            authorization(&owner),
            KNOWN,
            &NvPublic {
                handle: self.share.index,
                attributes: INDEX_ATTRIBUTES,
                policy: self.share.policies.index_policy().to_vec(),
                size: INDEX_SIZE,
            },
        )?;
        let _authorized = replacement.authorize(KNOWN)?;
        let policy = self.connection.policy_session()?;
        let proven = context.policy_secret(&policy, &replacement, Authorization::Password);
        Ok(proven.is_err_and(|error| error.is(response::AUTH_UNAVAILABLE)))
    }

    fn undefine(&mut self) -> Result<(), VaultError> {
        self.connection.free_slots();
        self.connection.forget_index(self.share.index);
        let index = self.connection.context.open(self.share.index)?;
        let owner = self.connection.owner_session(None, SessionUse::LAST)?;
        self.connection
            .context
            .nv_undefine(authorization(&owner), index)?;
        Ok(())
    }
}

const RIGHT: &[u8] = b"4711";

/// Where the examination's counter lies, and no account's: what a killed examination left there,
/// the next one finds.
const INDEX: u32 = *INDICES.start() - 1;

fn enrol(connection: &mut Connection, authority: &SigningKey) -> Result<SealedShare, VaultError> {
    let document_number = "PNOEE-30303039914-PROB-Q"
        .parse()
        .map_err(|_| fault("the probe's document number is none"))?;
    let reference = PolicyReference {
        document_number,
        purpose: KeyPurpose::Authentication,
    };
    let point = authority.verifying_key().to_encoded_point(false);
    let point: [u8; 65] = point
        .as_bytes()
        .try_into()
        .map_err(|_| fault("the probe's key is none"))?;
    // What an examination that was killed left: only a PIN counter can be that.
    connection.clear_if(INDEX, |found| {
        (found.attributes & !INDEX_WRITTEN, found.size) == (INDEX_ATTRIBUTES, INDEX_SIZE)
    })?;
    let made = connection.enrol(reference, &point, &pin(RIGHT)?, INDEX..=INDEX, &mut |_| {
        Ok(())
    })?;
    Ok(made.sealed)
}

fn random_key() -> Result<SigningKey, VaultError> {
    let octets = random_octets(32).map_err(|error| fault(error.to_string()))?;
    SigningKey::from_slice(&octets).map_err(|error| fault(error.to_string()))
}

fn pin(digits: &[u8]) -> Result<Pin, VaultError> {
    Pin::parse(digits).map_err(|error| fault(error.to_string()))
}
