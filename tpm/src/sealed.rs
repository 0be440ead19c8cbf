//! What the daemon keeps for us: written once, checked when it comes back.
//!
//! No secret in clear: the key is wrapped by the TPM, and without the TPM the salt says nothing
//! about the PIN. A checksum keeps a damaged salt from being counted as a wrong PIN.

use hmac::{Hmac, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::release::PolicyReference;
use symbolon_protocol::split_key::Modulus;
use symbolon_vault::{Pin, Remains, SealedIdentity, SealedShare, VaultError};
use zeroize::Zeroizing;

use crate::esys::{PrivateArea, PublicArea};
use crate::fault::damaged;
use crate::objects::key_share;
use crate::policies::{Approved, Policies};

/// The name of this backend in what it seals.
pub const BACKEND: &str = "tpm";

const FORMAT: u32 = 1;

/// What is written, with its checksum.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    format: u32,
    content: T,
    /// SHA-256 of the content's JSON.
    checksum: Octets,
}

/// A key share as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShareContent {
    pub(crate) reference: PolicyReference,
    /// The Name of the storage key that wraps the key and that salts are encrypted to.
    pub(crate) storage_key: Octets,
    /// The PIN_FAIL index.
    pub(crate) index: u32,
    /// Of the index's authValue.
    pub(crate) salt: Octets,
    /// `P`'s public point.
    pub(crate) approver: Octets,
    /// The service's release key.
    pub(crate) release_key: Octets,
    /// `P`'s signatures.
    pub(crate) approvals: Approvals,
    /// `K`: a `TPM2B_PUBLIC`, and its wrapped private area.
    pub(crate) key_public: Octets,
    pub(crate) key_private: Octets,
}

/// `P`'s signatures over the policies that outlive the enrolment.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Approvals {
    pub(crate) first_release: Octets,
    pub(crate) second_release: Octets,
    pub(crate) reset_limit: Octets,
    pub(crate) change_pin: Octets,
}

/// An index that an enrolment is about to make, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IndexRemains {
    pub(crate) index: u32,
    /// Its policy, which no other index has: the approver's key is in it.
    pub(crate) policy: Octets,
}

/// A device identity as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityContent {
    pub(crate) storage_key: Octets,
    pub(crate) device_key_public: Octets,
    pub(crate) device_key_private: Octets,
    pub(crate) attestation_key_public: Octets,
    pub(crate) attestation_key_private: Octets,
}

/// A key share, read and checked.
pub(crate) struct Share {
    pub(crate) storage_key: Vec<u8>,
    pub(crate) index: u32,
    pub(crate) approver: [u8; 65],
    pub(crate) release_key: [u8; 65],
    pub(crate) policies: Policies,
    pub(crate) key_public: PublicArea,
    pub(crate) key_private: PrivateArea,
    pub(crate) modulus: Modulus,
    salt: [u8; 32],
    approvals: Approvals,
}

impl Share {
    /// Reads what [`seal_share`] wrote.
    pub(crate) fn open(sealed: &SealedShare) -> Result<Self, VaultError> {
        Self::from_content(open(&sealed.backend, &sealed.content)?)
    }

    pub(crate) fn from_content(content: ShareContent) -> Result<Self, VaultError> {
        let approver = array(&content.approver, "approver")?;
        let release_key = array(&content.release_key, "release key")?;
        let policies = Policies::new(content.reference, content.index, &approver, &release_key);
        let key_public = PublicArea::from_octets(content.key_public.as_slice())
            .map_err(|error| damaged(error.to_string()))?;
        let modulus = key_public
            .modulus()
            .and_then(|modulus| Modulus::from_octets(&modulus).ok())
            .ok_or_else(|| damaged("it holds no RSA key"))?;
        if key_public.object_attributes() != key_share(policies.index_name()).object_attributes() {
            return Err(damaged("its key has other attributes than ours"));
        }
        Ok(Self {
            storage_key: content.storage_key.0,
            index: content.index,
            approver,
            release_key,
            policies,
            key_public,
            key_private: PrivateArea(content.key_private.0),
            modulus,
            salt: array(&content.salt, "salt")?,
            approvals: content.approvals,
        })
    }

    /// The index's authValue for a PIN.
    pub(crate) fn auth_value(&self, pin: &Pin) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        auth_value(&self.salt, pin)
    }

    /// `P`'s signature over a policy; the one over the first write is not kept.
    pub(crate) fn approval(&self, policy: Approved) -> Result<[u8; 64], VaultError> {
        let octets = match policy {
            Approved::Initialise { .. } => return Err(damaged("the first write is over")),
            Approved::FirstRelease => &self.approvals.first_release,
            Approved::SecondRelease => &self.approvals.second_release,
            Approved::ResetLimit => &self.approvals.reset_limit,
            Approved::ChangePin => &self.approvals.change_pin,
        };
        array(octets, "approval")
    }
}

/// `HMAC-SHA256(salt, PIN)`. The last octet is never zero: TPMs strip trailing zeros of authValues.
pub(crate) fn auth_value(salt: &[u8; 32], pin: &Pin) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(salt).map_err(|error| damaged(error.to_string()))?;
    mac.update(pin.digits());
    let mut tag = mac.finalize().into_bytes();
    let mut value = Zeroizing::new([0; 32]);
    value.copy_from_slice(&tag);
    zeroize::Zeroize::zeroize(&mut tag[..]);
    value[31] |= 1;
    Ok(value)
}

/// Writes a share down.
pub(crate) fn seal_share(content: ShareContent) -> Result<SealedShare, VaultError> {
    Ok(SealedShare {
        backend: BACKEND.to_owned(),
        content: seal(content)?,
    })
}

/// Writes an identity down.
pub(crate) fn seal_identity(content: IdentityContent) -> Result<SealedIdentity, VaultError> {
    Ok(SealedIdentity {
        backend: BACKEND.to_owned(),
        content: seal(content)?,
    })
}

/// Reads what [`seal_identity`] wrote.
pub(crate) fn open_identity(sealed: &SealedIdentity) -> Result<IdentityContent, VaultError> {
    open(&sealed.backend, &sealed.content)
}

/// Writes down what a definition of this index leaves.
pub(crate) fn remains_at(index: u32, policy: &[u8; 32]) -> Result<Remains, VaultError> {
    let policy = Octets(policy.to_vec());
    Ok(Remains {
        backend: BACKEND.to_owned(),
        content: seal(IndexRemains { index, policy })?,
    })
}

/// Reads what [`remains_at`] wrote.
pub(crate) fn open_remains(remains: &Remains) -> Result<IndexRemains, VaultError> {
    open(&remains.backend, &remains.content)
}

fn seal<T: Serialize>(content: T) -> Result<serde_json::Value, VaultError> {
    let checksum = checksum(&content)?;
    serde_json::to_value(Envelope {
        format: FORMAT,
        content,
        checksum,
    })
    .map_err(|error| damaged(error.to_string()))
}

fn open<T: Serialize + DeserializeOwned>(
    backend: &str,
    content: &serde_json::Value,
) -> Result<T, VaultError> {
    if backend != BACKEND {
        return Err(damaged(format!("it belongs to the backend {backend:?}")));
    }
    let envelope: Envelope<T> =
        Deserialize::deserialize(content).map_err(|error| damaged(error.to_string()))?;
    if envelope.format != FORMAT {
        return Err(damaged(format!("unknown format {}", envelope.format)));
    }
    if checksum(&envelope.content)? != envelope.checksum {
        return Err(damaged("its checksum does not match"));
    }
    Ok(envelope.content)
}

fn checksum<T: Serialize>(content: &T) -> Result<Octets, VaultError> {
    let json = serde_json::to_vec(content).map_err(|error| damaged(error.to_string()))?;
    Ok(Octets(Sha256::digest(json).to_vec()))
}

/// Octets of a known length.
pub(crate) fn array<const N: usize>(
    octets: &Octets,
    what: &'static str,
) -> Result<[u8; N], VaultError> {
    octets
        .as_slice()
        .try_into()
        .map_err(|_| damaged(format!("its {what} has not {N} octets")))
}
