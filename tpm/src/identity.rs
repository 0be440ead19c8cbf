//! The keys by which a device is known, and what the attestation key certifies.

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::Hardware;
use symbolon_protocol::device::lock::CertifiedReading;
use symbolon_protocol::release::INDEX_SIZE;
use symbolon_vault::{NewIdentity, VaultError};

use crate::connection::{Connection, authorization};
use crate::esys::{Object, PrivateArea, PublicArea, SessionUse, response};
use crate::fault::{by_owner, damaged, fault};
use crate::objects::{attestation_key, device_key};
use crate::sealed::{IdentityContent, Share, seal_identity};

impl Connection {
    pub(crate) fn create_identity(
        &mut self,
        description: String,
    ) -> Result<NewIdentity, VaultError> {
        self.free_slots();
        let (storage_key, name) = self.own_storage_key()?;
        let (device_private, device_public) = self.context.create(&storage_key, &device_key())?;
        let (attestation_private, attestation_public) =
            self.context.create(&storage_key, &attestation_key())?;
        let point = |area: &PublicArea| {
            area.point()
                .map(|point| Octets(point.to_vec()))
                .ok_or_else(|| fault("it made no P-256 key"))
        };
        Ok(NewIdentity {
            device_key: point(&device_public)?,
            hardware: Hardware::Tpm {
                attestation_key: point(&attestation_public)?,
                description,
            },
            sealed: seal_identity(IdentityContent {
                storage_key: Octets(name),
                device_key_public: Octets(device_public.to_octets()?),
                device_key_private: Octets(device_private.0),
                attestation_key_public: Octets(attestation_public.to_octets()?),
                attestation_key_private: Octets(attestation_private.0),
            })?,
        })
    }

    /// Three commands: load, sign, flush.
    pub(crate) fn sign_as_device(
        &mut self,
        identity: &IdentityContent,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], VaultError> {
        let key = self.load_identity_key(
            identity,
            &identity.device_key_public,
            &identity.device_key_private,
        )?;
        Ok(self.context.sign(&key, digest)?)
    }

    pub(crate) fn certify_count(
        &mut self,
        identity: &IdentityContent,
        share: &Share,
        nonce: &[u8],
    ) -> Result<CertifiedReading, VaultError> {
        let storage_key = self.pinned_storage_key(&share.storage_key)?;
        let index = self.index(share)?;
        let key = self.load_identity_key(
            identity,
            &identity.attestation_key_public,
            &identity.attestation_key_private,
        )?;
        let owner = self.owner_session(Some(&storage_key), SessionUse::LAST)?;
        let certified =
            self.context
                .nv_certify(&key, authorization(&owner), &index, nonce, INDEX_SIZE);
        match certified {
            Ok(certified) => Ok(CertifiedReading {
                attestation: Octets(certified.attestation),
                signature: Octets(certified.signature.to_vec()),
            }),
            Err(error) if error.is_transport() || error.is_temporary() => Err(error.into()),
            Err(error) => {
                self.check_index(share)?;
                Err(by_owner("certify the PIN counter")(error))
            }
        }
    }

    fn load_identity_key(
        &mut self,
        identity: &IdentityContent,
        public: &Octets,
        private: &Octets,
    ) -> Result<Object, VaultError> {
        let storage_key = self.pinned_storage_key(identity.storage_key.as_slice())?;
        let public = PublicArea::from_octets(public.as_slice())
            .map_err(|error| damaged(error.to_string()))?;
        self.context
            .load(&storage_key, &PrivateArea(private.0.clone()), &public)
            .map_err(|error| match error.response() {
                Some(response::INTEGRITY | response::SIZE) => damaged("its key does not load"),
                _ => error.into(),
            })
    }
}
