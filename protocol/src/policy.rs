//! Policy digests of TPM 2.0 in software (Part 3 section 23), SHA-256 throughout.
//!
//! A [`PolicyDigest`] grows by one assertion at a time, as a policy session's does.

use sha2::{Digest, Sha256};

use crate::release::{Name, name_of};

const TPM_CC_POLICY_AUTHORIZE: u32 = 0x0000_016a;
const TPM_CC_POLICY_COMMAND_CODE: u32 = 0x0000_016c;
const TPM_CC_POLICY_COUNTER_TIMER: u32 = 0x0000_016d;
const TPM_CC_POLICY_CP_HASH: u32 = 0x0000_0163;
const TPM_CC_POLICY_SECRET: u32 = 0x0000_0151;
const TPM_CC_POLICY_SIGNED: u32 = 0x0000_0160;

/// A policy session's digest after some assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyDigest([u8; 32]);

impl PolicyDigest {
    /// A session that has just been started.
    pub fn start() -> Self {
        Self([0; 32])
    }

    /// After `PolicyCommandCode`.
    pub fn command_code(self, command: u32) -> Self {
        self.extend(TPM_CC_POLICY_COMMAND_CODE, &command.to_be_bytes())
    }

    /// After `PolicyCpHash`.
    pub fn cp_hash(self, cp_hash: &[u8; 32]) -> Self {
        self.extend(TPM_CC_POLICY_CP_HASH, cp_hash)
    }

    /// After `PolicySecret` of the entity with this Name, with an empty policyRef.
    pub fn secret(self, entity: &Name) -> Self {
        self.extend_twice(TPM_CC_POLICY_SECRET, entity, b"")
    }

    /// After `PolicySigned` by the key with this Name.
    pub fn signed(self, key: &Name, reference: &[u8]) -> Self {
        self.extend_twice(TPM_CC_POLICY_SIGNED, key, reference)
    }

    /// After `PolicyCounterTimer` that the TPM's clock (offset 8 of `TPMS_TIME_INFO`, milliseconds)
    /// is below `limit`.
    pub fn clock_below(self, limit: u64) -> Self {
        const CLOCK_OFFSET: u16 = 8;
        const TPM_EO_UNSIGNED_LT: u16 = 0x0005;
        let arguments = Sha256::new()
            .chain_update(limit.to_be_bytes())
            .chain_update(CLOCK_OFFSET.to_be_bytes())
            .chain_update(TPM_EO_UNSIGNED_LT.to_be_bytes())
            .finalize();
        self.extend(TPM_CC_POLICY_COUNTER_TIMER, &arguments)
    }

    /// After `PolicyAuthorize` by the key with this Name, whatever policy was approved.
    pub fn authorized(key: &Name, reference: &[u8]) -> Self {
        Self::start().extend_twice(TPM_CC_POLICY_AUTHORIZE, key, reference)
    }

    /// What a key signs to approve this policy for `PolicyAuthorize` with this policyRef.
    pub fn approval_digest(self, reference: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.0)
            .chain_update(reference)
            .finalize()
            .into()
    }

    /// The digest.
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    fn extend(self, command: u32, argument: &[u8]) -> Self {
        Self(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(command.to_be_bytes())
                .chain_update(argument)
                .finalize()
                .into(),
        )
    }

    /// `PolicyUpdate` of Part 3 section 23.2.3: the Name, then the reference, even if empty.
    fn extend_twice(self, command: u32, name: &Name, reference: &[u8]) -> Self {
        let first = self.extend(command, name);
        Self(
            Sha256::new()
                .chain_update(first.0)
                .chain_update(reference)
                .finalize()
                .into(),
        )
    }
}

/// The Name under which a TPM loads an external P-256 signing key (userWithAuth, sign; no scheme):
/// that of the release key and of the one-time key of an enrolment. `point` is uncompressed
/// (SEC 1 section 2.3.3).
pub fn signing_key_name(point: &[u8; 65]) -> Name {
    let (x, y) = point[1..].split_at(32);
    name_of(
        Sha256::new()
            // type ECC, nameAlg SHA-256, userWithAuth | sign, empty authPolicy
            .chain_update([0x00, 0x23, 0x00, 0x0b, 0x00, 0x04, 0x00, 0x40, 0x00, 0x00])
            // no symmetric algorithm, no scheme, NIST P-256, no key derivation
            .chain_update([0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10])
            .chain_update([0x00, 0x20])
            .chain_update(x)
            .chain_update([0x00, 0x20])
            .chain_update(y),
    )
}
