//! Raising a locked PIN's limit by the service's signature, which is bound to one session.

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::lock::Release;
use symbolon_protocol::release::LIMIT_OFFSET;
use symbolon_vault::VaultError;

use crate::connection::Connection;
use crate::esys::{Authorization, EsysError, NvAuthority, Session, SignedAssertion};
use crate::objects::external_signing_key;
use crate::policies::Approved;
use crate::sealed::{Share, array};

impl Connection {
    /// Opens the session that a release will be bound to.
    pub(crate) fn begin_release(&mut self, share: &Share) -> Result<Octets, VaultError> {
        self.free_slots();
        self.pinned_storage_key(&share.storage_key)?;
        self.check_index(share)?;
        let session = self.policy_session()?;
        let nonce = session.nonce()?;
        self.awaiting_release = Some((share.index, session));
        Ok(Octets(nonce))
    }

    /// Writes the new limit.
    pub(crate) fn finish_release(
        &mut self,
        share: &Share,
        release: &Release,
    ) -> Result<(), VaultError> {
        let session = match self.awaiting_release.take() {
            Some((index, session)) if index == share.index => session,
            _ => return Err(refused("no session waits for it")),
        };
        let (Some(policy), Some(reference)) = (
            Approved::release_to(release.limit),
            share.policies.release_reference(release.limit),
        ) else {
            return Err(refused(format!("there is no limit {}", release.limit)));
        };
        let (Ok(signature), Ok(expiration_seconds)) = (
            array(&release.signature, "signature"),
            i32::try_from(release.expiration_seconds),
        ) else {
            return Err(refused("it is malformed"));
        };
        let cp_hash = share.policies.limit_write(release.limit);
        {
            let service = self
                .context
                .load_external(&external_signing_key(&share.release_key))?;
            let assertion = SignedAssertion {
                expiration_seconds,
                cp_hash: &cp_hash,
                reference: &reference,
                signature: &signature,
            };
            self.context
                .policy_signed(&session, &service, &assertion)
                .map_err(refused_by_tpm)?;
        }
        self.write_limit(share, &session, policy, release.limit)
    }

    /// The write that an approved policy allows, in a session that has fulfilled what comes before
    /// its parameters.
    pub(crate) fn write_limit(
        &mut self,
        share: &Share,
        session: &Session,
        policy: Approved,
        limit: u32,
    ) -> Result<(), VaultError> {
        let index = self.index(share)?;
        self.context
            .policy_cp_hash(session, &share.policies.limit_write(limit))?;
        self.authorize(session, share, policy)?;
        let written = self.context.nv_write(
            NvAuthority::Index,
            Authorization::Session(session),
            &index,
            &limit.to_be_bytes(),
            LIMIT_OFFSET,
        );
        if let Err(error) = written {
            if !error.is_transport() && !error.is_temporary() {
                self.check_index(share)?;
            }
            return Err(refused_by_tpm(error));
        }
        Ok(())
    }
}

fn refused(detail: impl Into<String>) -> VaultError {
    VaultError::ReleaseRefused {
        detail: detail.into(),
    }
}

fn refused_by_tpm(error: EsysError) -> VaultError {
    if error.response().is_some() && !error.is_temporary() {
        refused(error.to_string())
    } else {
        error.into()
    }
}
