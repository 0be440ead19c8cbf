//! Policy digests of TPM 2.0 in software (Part 3 section 23), SHA-256 throughout.
//!
//! A [`PolicyDigest`] grows by one assertion at a time, as a policy session's does.

use sha2::{Digest, Sha256};

use crate::release::{Name, name_of};

const TPM_CC_POLICY_AUTHORIZE: u32 = 0x0000_016a;
const TPM_CC_POLICY_COMMAND_CODE: u32 = 0x0000_016c;
const TPM_CC_POLICY_COUNTER_TIMER: u32 = 0x0000_016d;
const TPM_CC_POLICY_CP_HASH: u32 = 0x0000_016e;
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

#[cfg(test)]
mod tests {
    //! Expected values: what swtpm (TPM 2.0 library 1.64) computed in trial sessions, driven by
    //! tpm2-tools 5.4.
    use super::*;
    use crate::release::{index_name, limit_write_cp_hash};

    const TPM_CC_NV_WRITE: u32 = 0x0000_0137;
    const TPM_CC_NV_CHANGE_AUTH: u32 = 0x0000_013b;

    /// A P-256 key that signs policies.
    const KEY: &str = "\
        049f74723a077dc3adc50eb64ff46753a58ab6b82dabbfff405291be011fa212683bcf41f70b376f261d\
        e4d977b60ee13ae01cc38aeee1d68faf22cee16d9aa8a5";
    const KEY_NAME: &str = "000bf87d9e97c1dd14756092a5af3fd63ef3c2d7f515948e77512bb820ec68aeead1";

    fn key_name() -> Name {
        let point = hex::decode(KEY).unwrap().try_into().unwrap();
        signing_key_name(&point)
    }

    /// A PIN_FAIL index 0x01801001 that a policy of one command code allows to write.
    fn pin_index() -> Name {
        let policy = PolicyDigest::start().command_code(TPM_CC_NV_WRITE);
        index_name(0x0180_1001, policy.octets())
    }

    fn hex_of(digest: PolicyDigest) -> String {
        hex::encode(digest.octets())
    }

    #[test]
    fn external_keys_have_the_name_that_the_tpm_gives_them() {
        assert_eq!(hex::encode(key_name()), KEY_NAME);
    }

    #[test]
    fn a_command_code() {
        assert_eq!(
            hex_of(PolicyDigest::start().command_code(TPM_CC_NV_WRITE)),
            "1c4f7107dcaf23ce00756448508558683104bd9e203e93749c227b451270438f"
        );
    }

    #[test]
    fn an_authorized_policy() {
        assert_eq!(
            hex_of(PolicyDigest::authorized(&key_name(), b"Facct-1")),
            "b445c9ccd90dfd79cfb4c65bf11106ea0bb6e57befd9f56c188b3510eb0dc446"
        );
    }

    #[test]
    fn a_secret_then_a_command_code() {
        let policy = PolicyDigest::start()
            .secret(&pin_index())
            .command_code(TPM_CC_NV_CHANGE_AUTH);
        assert_eq!(
            hex_of(policy),
            "d43cc3ad54f08900f2614bf8a30640a94a21704a3ae21715c67bd656a6ada0c2"
        );
    }

    #[test]
    fn a_clock_limit() {
        assert_eq!(
            hex_of(PolicyDigest::start().clock_below(123_456_789)),
            "1edd77f0a9ffc08046bda88867e50edec8acb5ff9de8bc8b06a8f217e4b02a2d"
        );
    }

    #[test]
    fn a_signature_then_fixed_parameters() {
        let signed = PolicyDigest::start().signed(&key_name(), b"acct-1rel1");
        assert_eq!(
            hex_of(signed),
            "dfdbdf489e5231209f9161117d2d4158bd20bba372a8512733c89a482cd0d24e"
        );
        assert_eq!(
            hex_of(signed.cp_hash(&limit_write_cp_hash(&pin_index(), 6))),
            "694f4507d0cbf279d5fd1d09d09c07dddc0122e1855855a225e6dce9e218c291"
        );
    }

    #[test]
    fn an_approval_is_signed_over_policy_and_reference() {
        let policy = PolicyDigest::start();
        assert_eq!(
            policy.approval_digest(b"F"),
            <[u8; 32]>::from(Sha256::digest([&[0; 32][..], b"F"].concat()))
        );
    }
}
