//! How any certificate is made: put together, signed by the token, checked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use const_oid::db::rfc5912::ECDSA_WITH_SHA_384;
use der::Encode;
use der::asn1::{BitString, GeneralizedTime, UtcTime};
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha384};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::error::CertificatesError;
use super::{extensions, key_identifier};
use crate::keys::{Authority, ServiceKeys};

/// What a certificate says beside what its issuer adds: serial number, key identifiers, signature.
pub(super) struct Contents {
    pub(super) subject: Name,
    pub(super) public_key: SubjectPublicKeyInfoOwned,
    pub(super) period: Period,
    pub(super) extensions: Vec<Extension>,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

/// Clocks of those who check a certificate may be this much behind ours.
const BACKDATING: Duration = Duration::from_secs(5 * 60);

impl Period {
    /// From now on, for so many days, in whole seconds.
    pub(super) fn from_now(days: u32) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let now = UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs());
        Self {
            not_before: now - BACKDATING,
            not_after: now + Duration::from_secs(u64::from(days) * 24 * 60 * 60),
        }
    }

    /// No longer than this moment: a certificate ends with its issuer's.
    pub(super) fn ending_by(self, latest: SystemTime) -> Self {
        Self {
            not_after: self.not_after.min(latest),
            ..self
        }
    }
}

/// An authority that signs.
pub(super) struct Issuer {
    pub(super) keys: ServiceKeys,
    pub(super) authority: Authority,
    pub(super) name: Name,
}

impl Issuer {
    /// Makes a certificate. What the token signed is verified before anybody sees it.
    pub(super) async fn issue(&self, contents: Contents) -> Result<Certificate, CertificatesError> {
        let own_point = self.keys.authority_point(self.authority);
        let mut extensions = contents.extensions;
        extensions.push(extensions::authority_key(key_identifier::of(own_point))?);
        extensions.push(extensions::subject_key(key_identifier::of(
            contents.public_key.subject_public_key.raw_bytes(),
        ))?);
        let algorithm = AlgorithmIdentifierOwned {
            oid: ECDSA_WITH_SHA_384,
            parameters: None,
        };
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: draw_serial_number()?,
            signature: algorithm.clone(),
            issuer: self.name.clone(),
            validity: validity(contents.period)?,
            subject: contents.subject,
            subject_public_key_info: contents.public_key,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = self.sign(&tbs_certificate.to_der()?).await?;
        Ok(Certificate {
            tbs_certificate,
            signature_algorithm: algorithm,
            signature,
        })
    }

    /// Signs what is encoded, by ECDSA with SHA-384.
    pub(super) async fn sign(&self, encoded: &[u8]) -> Result<BitString, CertificatesError> {
        let digest: [u8; 48] = Sha384::digest(encoded).into();
        let signature = self.keys.sign_as_authority(self.authority, &digest).await?;
        let own_point = self.keys.authority_point(self.authority);
        Ok(BitString::from_bytes(&verified(
            own_point, &digest, &signature,
        )?)?)
    }
}

/// The signature as certificates carry it (RFC 5480 appendix A), if it is one.
fn verified(
    point: &[u8],
    digest: &[u8; 48],
    signature: &[u8],
) -> Result<Vec<u8>, CertificatesError> {
    let wrong = |_| CertificatesError::WrongSignature;
    let key = VerifyingKey::from_sec1_bytes(point).map_err(wrong)?;
    let signature = Signature::from_slice(signature).map_err(wrong)?;
    key.verify_prehash(digest, &signature).map_err(wrong)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// 126 random bits in 16 octets: positive, of one length, and nobody can foresee it (CA/Browser
/// Forum Baseline Requirements section 7.1: at least 64 bits).
fn draw_serial_number() -> Result<SerialNumber, CertificatesError> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets)
        .map_err(|error| CertificatesError::NoRandomness(error.to_string()))?;
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(SerialNumber::new(&octets)?)
}

fn validity(period: Period) -> der::Result<Validity> {
    Ok(Validity {
        not_before: time(period.not_before)?,
        not_after: time(period.not_after)?,
    })
}

/// UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5).
pub(super) fn time(moment: SystemTime) -> der::Result<Time> {
    let general = GeneralizedTime::from_system_time(moment)?;
    match UtcTime::from_date_time(general.to_date_time()) {
        Ok(short) => Ok(Time::UtcTime(short)),
        Err(_) => Ok(Time::GeneralTime(general)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_positive_and_sixteen_octets_long() {
        for _ in 0..200 {
            let serial = draw_serial_number().unwrap();
            assert_eq!(serial.as_bytes().len(), 16);
            assert!(serial.as_bytes()[0] < 0x80);
        }
    }

    #[test]
    fn times_change_their_form_in_2050() {
        let end_of_2049 = UNIX_EPOCH + Duration::from_secs(2_524_607_999);
        assert!(matches!(time(end_of_2049).unwrap(), Time::UtcTime(_)));
        let start_of_2050 = end_of_2049 + Duration::from_secs(1);
        assert!(matches!(time(start_of_2050).unwrap(), Time::GeneralTime(_)));
    }
}
