//! The device's self-signed X.509 certificate (RFC 5280) over its P-256 key.
//!
//! The service knows a device by the certificate's key alone; subject and validity say nothing
//! and are the same for all devices.

use std::str::FromStr;

use der::asn1::{BitString, UtcTime};
use der::{DateTime, Decode, Encode};
use sha2::{Digest, Sha256};
use symbolon_vault::{SealedIdentity, VaultError};
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::vault_thread::VaultHandle;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The hardware did not sign.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The hardware's key or signature is not what it should be.
    #[error("the device key or its signature is malformed: {0}")]
    Malformed(String),
}

/// Makes the certificate over `device_key` (an uncompressed P-256 point), signed by it. DER.
pub async fn self_signed(
    vault: &VaultHandle,
    identity: &SealedIdentity,
    device_key: &[u8],
) -> Result<Vec<u8>, CertificateError> {
    let contents = contents(device_key)?;
    let digest: [u8; 32] = Sha256::digest(contents.to_der().map_err(malformed)?).into();
    let identity = identity.clone();
    let signature = vault
        .call(move |vault| vault.sign_as_device(&identity, &digest))
        .await?;
    let certificate = Certificate {
        signature_algorithm: contents.signature.clone(),
        tbs_certificate: contents,
        signature: BitString::from_bytes(&der_signature(&signature)?).map_err(malformed)?,
    };
    certificate.to_der().map_err(malformed)
}

/// `r || s` as the `ECDSA-Sig-Value` of RFC 3279 section 2.2.3.
pub(super) fn der_signature(raw: &[u8; 64]) -> Result<Vec<u8>, CertificateError> {
    let signature = p256::ecdsa::Signature::from_slice(raw).map_err(malformed)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// The SubjectPublicKeyInfo of an uncompressed P-256 point, DER.
pub(super) fn public_key_info(device_key: &[u8]) -> Result<Vec<u8>, CertificateError> {
    use spki::EncodePublicKey;
    let key = p256::PublicKey::from_sec1_bytes(device_key).map_err(malformed)?;
    Ok(key.to_public_key_der().map_err(malformed)?.into_vec())
}

pub(crate) fn contents(device_key: &[u8]) -> Result<TbsCertificate, CertificateError> {
    let name = Name::from_str("CN=Symbolon device").map_err(malformed)?;
    let key_info = public_key_info(device_key)?;
    let beginning = DateTime::new(2020, 1, 1, 0, 0, 0).map_err(malformed)?;
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[1]).map_err(malformed)?,
        signature: spki::AlgorithmIdentifierOwned {
            oid: der::oid::db::rfc5912::ECDSA_WITH_SHA_256,
            parameters: None,
        },
        issuer: name.clone(),
        validity: Validity {
            not_before: Time::UtcTime(UtcTime::from_date_time(beginning).map_err(malformed)?),
            // "No well-defined expiration date", RFC 5280 section 4.1.2.5.
            not_after: Time::INFINITY,
        },
        subject: name,
        subject_public_key_info: spki::SubjectPublicKeyInfoOwned::from_der(&key_info)
            .map_err(malformed)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: None,
    })
}

fn malformed(error: impl std::fmt::Display) -> CertificateError {
    CertificateError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vault::TestVault;
    use p256::ecdsa::signature::Verifier;

    #[tokio::test]
    async fn verifies_under_the_device_key() {
        let vault = VaultHandle::start(Box::new(TestVault::default())).unwrap();
        let identity = vault
            .call(|vault| vault.create_identity(&mut |_| Ok(())))
            .await
            .unwrap();

        let der = self_signed(&vault, &identity.sealed, identity.device_key.as_slice())
            .await
            .unwrap();

        let certificate = Certificate::from_der(&der).unwrap();
        let key =
            p256::ecdsa::VerifyingKey::from_sec1_bytes(identity.device_key.as_slice()).unwrap();
        let signature =
            p256::ecdsa::Signature::from_der(certificate.signature.raw_bytes()).unwrap();
        let contents = certificate.tbs_certificate.to_der().unwrap();
        key.verify(&contents, &signature).unwrap();
        assert_eq!(
            certificate
                .tbs_certificate
                .subject_public_key_info
                .subject_public_key
                .raw_bytes(),
            identity.device_key.as_slice()
        );
    }
}
