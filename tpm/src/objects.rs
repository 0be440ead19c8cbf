//! The templates of all objects that we make in a TPM.

use symbolon_protocol::policy::PolicyDigest;
use symbolon_protocol::release::Name;

use crate::esys::{PublicArea, attributes};

/// Where the TCG keeps the owner's storage root key (TCG TPM v2.0 Provisioning Guidance, 7.5.1).
pub(crate) const STORAGE_KEY_HANDLE: u32 = 0x8100_0001;

/// `TPM2_CC_RSA_Decrypt`.
pub(crate) const RSA_DECRYPT: u32 = 0x0000_0159;
/// `TPM2_CC_NV_Write`.
pub(crate) const NV_WRITE: u32 = 0x0000_0137;
/// `TPM2_CC_NV_ChangeAuth`.
pub(crate) const NV_CHANGE_AUTH: u32 = 0x0000_013b;

/// Made in this TPM, and never to leave it or its parent.
const RESIDENT: u32 =
    attributes::FIXED_TPM | attributes::FIXED_PARENT | attributes::SENSITIVE_DATA_ORIGIN;

/// What a storage key has to be, whoever made it: without it a session's salt would be readable.
pub(crate) const STORAGE: u32 = RESIDENT | attributes::RESTRICTED | attributes::DECRYPT;

/// The storage root key, if there is none: the TCG's template for P-256.
pub(crate) fn storage_key() -> PublicArea {
    PublicArea::p256(
        STORAGE | attributes::USER_WITH_AUTH | attributes::NO_DA,
        true,
        false,
        None,
    )
}

/// `P`, the one-time key of an enrolment, in the NULL hierarchy. `unique` is random and forgotten:
/// with it the same key could be made again until the TPM is reset.
pub(crate) fn approver(unique: &[u8; 65]) -> PublicArea {
    PublicArea::p256(
        RESIDENT | attributes::USER_WITH_AUTH | attributes::NO_DA | attributes::SIGN,
        false,
        true,
        Some(unique),
    )
}

/// `K`, a key share: it can only decrypt, only by its policy, and its ADMIN role has none.
pub(crate) fn key_share(index_name: &Name) -> PublicArea {
    PublicArea::rsa(
        RESIDENT | attributes::DECRYPT | attributes::ADMIN_WITH_POLICY | attributes::NO_DA,
        2048,
        key_policy(index_name).octets(),
    )
}

/// PolicyCommandCode first, so that only PolicySecret and the operation itself follow the PIN.
fn key_policy(index_name: &Name) -> PolicyDigest {
    PolicyDigest::start()
        .command_code(RSA_DECRYPT)
        .secret(index_name)
}

/// The device key, for TLS: signs any digest.
pub(crate) fn device_key() -> PublicArea {
    PublicArea::p256(
        RESIDENT | attributes::USER_WITH_AUTH | attributes::NO_DA | attributes::SIGN,
        false,
        true,
        None,
    )
}

/// The attestation key: restricted, so it signs only what the TPM itself states.
pub(crate) fn attestation_key() -> PublicArea {
    PublicArea::p256(
        RESIDENT
            | attributes::USER_WITH_AUTH
            | attributes::NO_DA
            | attributes::RESTRICTED
            | attributes::SIGN,
        false,
        true,
        None,
    )
}

/// A public key from outside, as [`symbolon_protocol::policy::signing_key_name`] names it.
pub(crate) fn external_signing_key(point: &[u8; 65]) -> PublicArea {
    PublicArea::p256(
        attributes::USER_WITH_AUTH | attributes::SIGN,
        false,
        false,
        Some(point),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use symbolon_protocol::policy::signing_key_name;

    #[test]
    fn names_external_keys_as_the_protocol_does() {
        let mut point = [7; 65];
        point[0] = 4;
        assert_eq!(
            external_signing_key(&point).name().unwrap(),
            signing_key_name(&point)
        );
    }
}
