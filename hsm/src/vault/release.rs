//! A release: the service's word that a limit may rise, bound to one session of this vault.

use std::time::Instant;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::lock::Release;
use symbolon_protocol::random::random_octets;
use symbolon_protocol::release::{limit_write_cp_hash, signed_digest};
use symbolon_vault::VaultError;

use super::opening::fault;
use super::sealed::{Id, Share};

/// What a release will have to be bound to.
pub(super) struct ReleaseSession {
    id: Id,
    nonce: Vec<u8>,
    begun: Instant,
}

impl ReleaseSession {
    /// Begins one for a share.
    pub(super) fn begin(share: &Share) -> Result<Self, VaultError> {
        Ok(Self {
            id: share.id,
            nonce: random_octets(32).map_err(|error| fault(&error.to_string()))?,
            begun: Instant::now(),
        })
    }

    /// What the service signs over.
    pub(super) fn nonce(&self) -> Octets {
        Octets(self.nonce.clone())
    }

    /// Refuses a release that was not made for `share` in this `session`, or not in time.
    pub(super) fn check(
        session: Option<Self>,
        share: &Share,
        release: &Release,
    ) -> Result<(), VaultError> {
        let session = session
            .filter(|session| session.id == share.id)
            .ok_or_else(|| refused("no session waits for it"))?;
        let age = session.begun.elapsed().as_secs();
        if age >= u64::from(release.expiration_seconds) {
            return Err(refused("it came too late"));
        }
        let reference = share
            .reference
            .for_release(release.limit)
            .ok_or_else(|| refused("there is no such limit"))?;
        let expiration = i32::try_from(release.expiration_seconds)
            .map_err(|_| refused("its time is too long"))?;
        let digest = signed_digest(
            &session.nonce,
            expiration,
            &limit_write_cp_hash(&share.counter_name(), release.limit),
            &reference,
        );
        let key = VerifyingKey::from_sec1_bytes(share.release_key.as_slice());
        let signature = Signature::from_slice(release.signature.as_slice());
        match (key, signature) {
            (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok() => Ok(()),
            _ => Err(refused("its signature does not verify")),
        }
    }
}

fn refused(detail: &str) -> VaultError {
    VaultError::ReleaseRefused {
        detail: detail.to_owned(),
    }
}
