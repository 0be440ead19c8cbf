//! The release as TPM and service compute it alike: Names, parameter hashes and what is signed.
//!
//! Sources: TPM 2.0 Library, Part 1 section 16 (Names), Part 2 (structures), Part 3 section 23.3
//! (PolicySigned) and 31.7 (NV_Write).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identifiers::{DocumentNumber, KeyPurpose};
use crate::lockout::LIMITS;

/// The attributes of a PIN_FAIL index when it is defined: AUTHREAD, OWNERREAD, POLICYWRITE, NO_DA.
pub const INDEX_ATTRIBUTES: u32 = 0x0206_0088;
/// What its first write adds to the attributes, and so to the Name.
pub const INDEX_WRITTEN: u32 = 0x2000_0000;
/// The size of its contents: count and limit.
pub const INDEX_SIZE: u16 = 8;
/// Where the limit lies in the contents.
pub const LIMIT_OFFSET: u16 = 4;
/// How long the TPM takes a release after its session began, in seconds. Never negative: that
/// would ask for a ticket, which outlives the session.
pub const EXPIRATION_SECONDS: u32 = 60;

const TPM_CC_NV_WRITE: u32 = 0x0000_0137;
const TPM_ALG_SHA256: u16 = 0x000b;

/// A Name: the hash algorithm and a SHA-256 digest of a public area.
pub type Name = [u8; 34];

/// Names one key share inside TPM policies: it keeps a release for one share from fitting another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    /// The account.
    pub document_number: DocumentNumber,
    /// Which of its keys.
    pub purpose: KeyPurpose,
}

impl PolicyReference {
    /// 28 octets: a digest of account and purpose. A TPM takes a policyRef no longer than its
    /// longest hash, which may be SHA-256, and four octets are needed to say what is allowed.
    pub fn octets(&self) -> [u8; 28] {
        let digest = Sha256::new()
            .chain_update("symbolon policy reference\0")
            .chain_update(self.document_number.as_str())
            .chain_update("\0")
            .chain_update(self.purpose.as_str())
            .finalize();
        let mut octets = [0; 28];
        octets.copy_from_slice(&digest[..28]);
        octets
    }

    /// The policyRef of the release that raises the limit to `limit`: the octets, then `rel1` for
    /// 6 or `rel2` for 9. There is no other release.
    pub fn for_release(&self, limit: u32) -> Option<[u8; 32]> {
        let kind = match limit {
            limit if limit == LIMITS[1] => b"rel1",
            limit if limit == LIMITS[2] => b"rel2",
            _ => return None,
        };
        let mut reference = [0; 32];
        reference[..28].copy_from_slice(&self.octets());
        reference[28..].copy_from_slice(kind);
        Some(reference)
    }
}

/// The Name of a PIN_FAIL index with this handle and policy, once it has been written.
pub fn index_name(handle: u32, policy: &[u8; 32]) -> Name {
    name_of_index(handle, INDEX_ATTRIBUTES | INDEX_WRITTEN, policy)
}

/// The Name of the same index before its first write.
pub fn unwritten_index_name(handle: u32, policy: &[u8; 32]) -> Name {
    name_of_index(handle, INDEX_ATTRIBUTES, policy)
}

/// `TPMS_NV_PUBLIC`, hashed.
fn name_of_index(handle: u32, attributes: u32, policy: &[u8; 32]) -> Name {
    name_of(
        Sha256::new()
            .chain_update(handle.to_be_bytes())
            .chain_update(TPM_ALG_SHA256.to_be_bytes())
            .chain_update(attributes.to_be_bytes())
            .chain_update([0x00, 0x20])
            .chain_update(policy)
            .chain_update(INDEX_SIZE.to_be_bytes()),
    )
}

pub(crate) fn name_of(public_area: Sha256) -> Name {
    let mut name = [0; 34];
    name[..2].copy_from_slice(&TPM_ALG_SHA256.to_be_bytes());
    name[2..].copy_from_slice(&public_area.finalize());
    name
}

/// The cpHash of the `NV_Write` that sets the limit of the index with this Name and leaves its
/// count alone. The index authorises itself, so its Name stands for both handles.
pub fn limit_write_cp_hash(index_name: &[u8], limit: u32) -> [u8; 32] {
    nv_write_cp_hash(index_name, &limit.to_be_bytes(), LIMIT_OFFSET)
}

/// The cpHash of `NV_Write(index, index, data, offset)`. `data` has at most 65535 octets.
pub fn nv_write_cp_hash(index_name: &[u8], data: &[u8], offset: u16) -> [u8; 32] {
    Sha256::new()
        .chain_update(TPM_CC_NV_WRITE.to_be_bytes())
        .chain_update(index_name)
        .chain_update(index_name)
        .chain_update((data.len() as u16).to_be_bytes())
        .chain_update(data)
        .chain_update(offset.to_be_bytes())
        .finalize()
        .into()
}

/// What a `PolicySigned` signature signs: `SHA256(nonceTPM || expiration || cpHashA || policyRef)`.
pub fn signed_digest(
    session_nonce: &[u8],
    expiration_seconds: i32,
    cp_hash: &[u8],
    reference: &[u8],
) -> [u8; 32] {
    Sha256::new()
        .chain_update(session_nonce)
        .chain_update(expiration_seconds.to_be_bytes())
        .chain_update(cp_hash)
        .chain_update(reference)
        .finalize()
        .into()
}
