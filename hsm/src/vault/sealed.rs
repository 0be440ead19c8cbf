//! What the daemon keeps of a share and of an identity: names, nothing secret.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::random::random_octets;
use symbolon_protocol::release::{Name, PolicyReference};
use symbolon_vault::{Remains, SealedIdentity, SealedShare, VaultError};

use super::opening::fault;

/// Which backend wrote it.
const BACKEND: &str = "pkcs11";

/// The `CKA_ID` of everything on the token that belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Id(pub(super) [u8; 16]);

impl Id {
    pub(super) fn draw() -> Result<Self, VaultError> {
        random_octets(16)
            .ok()
            .and_then(|octets| octets.try_into().ok())
            .map(Self)
            .ok_or_else(|| fault("no random octets"))
    }

    fn read(octets: &Octets) -> Result<Self, VaultError> {
        let octets = octets.as_slice().try_into();
        octets.map(Self).map_err(|_| damaged("its name"))
    }

    /// What is left on the token of a share with this name, if it is not finished.
    pub(super) fn remains(self) -> Result<Remains, VaultError> {
        Ok(Remains {
            backend: BACKEND.to_owned(),
            content: WrittenId::seal(self)?,
        })
    }

    pub(super) fn of_remains(remains: &Remains) -> Result<Self, VaultError> {
        WrittenId::open(&remains.backend, &remains.content)
    }
}

/// A share on the token.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) id: Id,
    pub(super) modulus: Octets,
    pub(super) reference: PolicyReference,
    pub(super) release_key: Octets,
}

/// The same as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    id: Octets,
    modulus: Octets,
    reference: PolicyReference,
    release_key: Octets,
    /// SHA-256 of the rest: damage is found before a try is counted.
    checksum: Octets,
}

impl Share {
    pub(super) fn open(sealed: &SealedShare) -> Result<Self, VaultError> {
        let written: Written = content(&sealed.backend, &sealed.content)?;
        let share = Self {
            id: Id::read(&written.id)?,
            modulus: written.modulus,
            reference: written.reference,
            release_key: written.release_key,
        };
        if share.checksum() != written.checksum {
            return Err(damaged("its checksum"));
        }
        Ok(share)
    }

    pub(super) fn seal(self) -> Result<SealedShare, VaultError> {
        let written = Written {
            checksum: self.checksum(),
            id: Octets(self.id.0.to_vec()),
            modulus: self.modulus,
            reference: self.reference,
            release_key: self.release_key,
        };
        Ok(SealedShare {
            backend: BACKEND.to_owned(),
            content: serde_json::to_value(written).map_err(|error| fault(&error.to_string()))?,
        })
    }

    /// What a release calls the counter.
    pub(super) fn counter_name(&self) -> Name {
        let digest = Sha256::new()
            .chain_update("symbolon token counter\0")
            .chain_update(self.id.0)
            .finalize();
        let mut name = [0; 34];
        name[..2].copy_from_slice(&[0x00, 0x0b]);
        name[2..].copy_from_slice(&digest);
        name
    }

    fn checksum(&self) -> Octets {
        let digest = Sha256::new()
            .chain_update(self.id.0)
            .chain_update(self.reference.octets())
            .chain_update(Sha256::digest(self.modulus.as_slice()))
            .chain_update(self.release_key.as_slice())
            .finalize();
        Octets(digest.to_vec())
    }
}

/// A device key on the token.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: Id,
}

/// A name as it is written down.
#[derive(Serialize, Deserialize)]
struct WrittenId {
    id: Octets,
}

impl WrittenId {
    fn seal(id: Id) -> Result<serde_json::Value, VaultError> {
        let id = Octets(id.0.to_vec());
        serde_json::to_value(Self { id }).map_err(|error| fault(&error.to_string()))
    }

    fn open(backend: &str, written: &serde_json::Value) -> Result<Id, VaultError> {
        Id::read(&content::<Self>(backend, written)?.id)
    }
}

impl Identity {
    pub(super) fn open(sealed: &SealedIdentity) -> Result<Self, VaultError> {
        Ok(Self {
            id: WrittenId::open(&sealed.backend, &sealed.content)?,
        })
    }

    pub(super) fn seal(self) -> Result<SealedIdentity, VaultError> {
        Ok(SealedIdentity {
            backend: BACKEND.to_owned(),
            content: WrittenId::seal(self.id)?,
        })
    }
}

fn content<T: serde::de::DeserializeOwned>(
    backend: &str,
    content: &serde_json::Value,
) -> Result<T, VaultError> {
    if backend != BACKEND {
        return Err(damaged(&format!("it is of the backend {backend:?}")));
    }
    T::deserialize(content).map_err(|error| damaged(&error.to_string()))
}

fn damaged(detail: &str) -> VaultError {
    VaultError::Damaged {
        detail: detail.to_owned(),
    }
}
