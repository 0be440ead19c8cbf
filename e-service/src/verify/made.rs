//! Certificates made to have one fault each.

use std::str::FromStr;
use std::time::Duration;

use const_oid::AssociatedOid;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::Encode;
use der::asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString};
use der::flagset::FlagSet;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use time::OffsetDateTime;
use time::macros::datetime;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::{
    BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage, KeyUsages,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::Certificate;

/// When all is judged.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Somebody with a key and a certificate.
pub(crate) struct Authority {
    key: SigningKey,
    name: String,
    pub(crate) made: Made,
}

/// What a certificate is to say.
#[derive(Clone, Default)]
pub(crate) struct Made {
    /// Whether it is an authority's, with how many below it at most.
    pub(crate) authority: Option<Option<u8>>,
    pub(crate) usage: Option<FlagSet<KeyUsages>>,
    pub(crate) policies: Vec<String>,
    pub(crate) extended_usages: Vec<String>,
    /// Qualified statements, DER.
    pub(crate) statements: Vec<u8>,
    pub(crate) unknown_critical: bool,
    /// From and until, in days from now.
    pub(crate) valid: (i64, i64),
    der: Vec<u8>,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let key = key();
        let mut made = Made::authority();
        made.sign(name, &key, (name, &key));
        Self {
            key,
            name: name.into(),
            made,
        }
    }

    /// A signature, DER, with ECDSA and SHA-256.
    pub(crate) fn signs(&self, octets: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.key.sign(octets);
        signature.as_bytes().to_vec()
    }

    pub(crate) fn below(&self, name: &str, change: impl FnOnce(&mut Made)) -> Self {
        let key = key();
        let mut made = Made::authority();
        change(&mut made);
        made.sign(name, &key, (&self.name, &self.key));
        Self {
            key,
            name: name.into(),
            made,
        }
    }

    pub(crate) fn person(&self, change: impl FnOnce(&mut Made)) -> Made {
        let mut made = Made {
            valid: (-1, 1),
            ..Made::default()
        };
        change(&mut made);
        made.sign("Person", &key(), (&self.name, &self.key));
        made
    }
}

impl Made {
    fn authority() -> Self {
        Self {
            authority: Some(None),
            usage: Some(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            valid: (-1, 1),
            ..Self::default()
        }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.der).unwrap()
    }

    fn sign(&mut self, subject: &str, key: &SigningKey, issuer: (&str, &SigningKey)) {
        let name = |name: &str| Name::from_str(&format!("CN={name}")).unwrap();
        let time = |days: i64| {
            let seconds = (NOW + time::Duration::days(days)).unix_timestamp();
            let since = Duration::from_secs(seconds.try_into().unwrap());
            Time::GeneralTime(GeneralizedTime::from_unix_duration(since).unwrap())
        };
        let algorithm = AlgorithmIdentifierOwned {
            oid: ECDSA_WITH_SHA_256,
            parameters: None,
        };
        let body = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::from(7_u32),
            signature: algorithm.clone(),
            issuer: name(issuer.0),
            validity: Validity {
                not_before: time(self.valid.0),
                not_after: time(self.valid.1),
            },
            subject: name(subject),
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_key(*key.verifying_key())
                .unwrap(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions()),
        };
        let signature: DerSignature = issuer.1.sign(&body.to_der().unwrap());
        let made = x509_cert::Certificate {
            tbs_certificate: body,
            signature_algorithm: algorithm,
            signature: BitString::from_bytes(signature.as_bytes()).unwrap(),
        };
        self.der = made.to_der().unwrap();
    }

    fn extensions(&self) -> Vec<Extension> {
        let identifiers = |texts: &[String]| -> Vec<ObjectIdentifier> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let authority = self.authority.map(|path_len_constraint| {
            extension(&BasicConstraints {
                ca: true,
                path_len_constraint,
            })
        });
        let usage = self.usage.map(|usage| extension(&KeyUsage(usage)));
        let policies = (!self.policies.is_empty()).then(|| {
            let policies = identifiers(&self.policies).into_iter();
            let policies = policies.map(|policy_identifier| PolicyInformation {
                policy_identifier,
                policy_qualifiers: None,
            });
            extension(&CertificatePolicies(policies.collect()))
        });
        let usages = (!self.extended_usages.is_empty())
            .then(|| extension(&ExtendedKeyUsage(identifiers(&self.extended_usages))));
        let statements = (!self.statements.is_empty())
            .then(|| raw("1.3.6.1.5.5.7.1.3", false, self.statements.clone()));
        let unknown = self
            .unknown_critical
            .then(|| raw("1.3.6.1.4.1.32473.9", true, vec![5, 0]));
        let all = [authority, usage, policies, usages, statements, unknown];
        all.into_iter().flatten().collect()
    }
}

fn extension<T: AssociatedOid + Encode>(content: &T) -> Extension {
    raw(&T::OID.to_string(), false, content.to_der().unwrap())
}

fn raw(oid: &str, critical: bool, content: Vec<u8>) -> Extension {
    Extension {
        extn_id: oid.parse().unwrap(),
        critical,
        extn_value: OctetString::new(content).unwrap(),
    }
}

fn key() -> SigningKey {
    SigningKey::random(&mut p256::elliptic_curve::rand_core::OsRng)
}
