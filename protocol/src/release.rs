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

#[cfg(test)]
mod tests {
    //! Expected values: what swtpm (TPM 2.0 library 1.64) and tpm2-tools 5.4 computed for a
    //! PIN_FAIL index 0x01801001 whose policy is PolicyCommandCode(NV_Write).
    use super::*;

    const POLICY: &str = "1c4f7107dcaf23ce00756448508558683104bd9e203e93749c227b451270438f";

    fn policy() -> [u8; 32] {
        hex::decode(POLICY).unwrap().try_into().unwrap()
    }

    fn reference(document_number: &str, purpose: KeyPurpose) -> PolicyReference {
        PolicyReference {
            document_number: document_number.parse().unwrap(),
            purpose,
        }
    }

    #[test]
    fn the_name_is_the_one_that_the_tpm_gives() {
        assert_eq!(
            hex::encode(unwritten_index_name(0x0180_1001, &policy())),
            "000b6bc8a1f60ee552b4e19059fda4592466249f07d8547415f3575bb67e1c23c04c"
        );
        assert_eq!(
            hex::encode(index_name(0x0180_1001, &policy())),
            "000bb516f85c88de6f070d2f63d9c23cdb1cd268eaa35010587b8a6ec5272cb2bb97"
        );
    }

    #[test]
    fn the_parameters_of_the_limit_write_hash_as_the_tpm_does() {
        assert_eq!(
            hex::encode(limit_write_cp_hash(&index_name(0x0180_1001, &policy()), 6)),
            "37212c5b1c14e505138dc99458dc7cda4433e3d096ec1a0754eabca5cd27d361"
        );
    }

    #[test]
    fn what_is_signed_is_what_the_tpm_asks_for() {
        // The TPM's session nonce, and the octets that `tpm2_policysigned --raw-data` hands out.
        let nonce = "5345d318998ed4eaf4418216c505fa8b103a37d6117a17773a6841db862f5bcd";
        let asked = "0000003c37212c5b1c14e505138dc99458dc7cda4433e3d096ec1a0754eabca5cd27d361616363742d3172656c31";
        let cp_hash = limit_write_cp_hash(&index_name(0x0180_1001, &policy()), 6);
        let to_be_signed = hex::decode([nonce, asked].concat()).unwrap();
        assert_eq!(
            signed_digest(&hex::decode(nonce).unwrap(), 60, &cp_hash, b"acct-1rel1"),
            <[u8; 32]>::from(Sha256::digest(to_be_signed))
        );
    }

    #[test]
    fn each_share_has_its_own_reference() {
        let one = reference("PNOEE-48010010101-K2GN-Q", KeyPurpose::Authentication);
        for other in [
            reference("PNOEE-48010010101-K2GN-Q", KeyPurpose::Signing),
            reference("PNOEE-48010010101-K2GN-NQ", KeyPurpose::Authentication),
            reference("PNOEE-48010010101-K2GM-Q", KeyPurpose::Authentication),
        ] {
            assert_ne!(one.octets(), other.octets());
        }
        // Sealed into every TPM policy that exists: it never changes.
        assert_eq!(
            hex::encode(one.octets()),
            "740975a1c3f28dd8f849b095f778eb3ec800fda37fe4546513047151"
        );
    }

    #[test]
    fn there_are_two_releases_and_no_third() {
        let reference = reference("PNOEE-48010010101-K2GN-Q", KeyPurpose::Signing);
        let octets = reference.octets();
        assert_eq!(
            reference.for_release(6).unwrap().as_slice(),
            [&octets[..], b"rel1"].concat()
        );
        assert_eq!(
            reference.for_release(9).unwrap().as_slice(),
            [&octets[..], b"rel2"].concat()
        );
        for limit in [0, 3, 7, 12, u32::MAX] {
            assert_eq!(reference.for_release(limit), None);
        }
    }
}
