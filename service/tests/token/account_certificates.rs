//! The two certificates of an account.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use der::{Decode, EncodePem, Tagged};
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_service::certificates::{
    AccountCertificateRequest, CertificateAuthority, CertificatesError, IssuedCertificate,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};

use crate::configuration::{initialised, run};
use crate::openssl::openssl;
use crate::relying_party_check::{
    extension, is_advanced_authentication, is_advanced_signing, is_qualified_authentication,
    is_qualified_signing, key_usage,
};
use crate::softhsm::with_token;

const QUALIFIED: &str = "PNOEE-40504040001-DEM0-Q";
const ADVANCED: &str = "PNOEE-40504040001-DEM1-NQ";
const DIRECTORY_ATTRIBUTES: &str = "2.5.29.9";

/// Some odd number of this many bits; nobody looks closer at it here.
fn modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xa7; bits.div_ceil(8)];
    modulus[0] = 0xff >> (8 * modulus.len() - bits);
    modulus
}

async fn issue(
    authority: &CertificateAuthority,
    document_number: &str,
    purpose: KeyPurpose,
    bits: usize,
) -> IssuedCertificate {
    authority
        .issue_account_certificate(&AccountCertificateRequest {
            document_number: &document_number.parse().unwrap(),
            given_name: "Märt",
            surname: "O'Connež-Öö",
            birth_date: None,
            purpose,
            modulus: &modulus(bits),
        })
        .await
        .unwrap()
}

/// Writes the certificate beside the authorities', for openssl.
fn save(folder: &Path, issued: &IssuedCertificate) -> Certificate {
    let certificate = Certificate::from_der(&issued.der).unwrap();
    let pem = certificate.to_pem(der::pem::LineEnding::LF).unwrap();
    std::fs::write(folder.join("leaf.pem"), pem).unwrap();
    certificate
}

#[test]
fn serve_their_purpose_and_no_other() {
    with_token(
        "account_certificates::serve_their_purpose_and_no_other",
        |house| {
            run(async {
                let (keys, config) = initialised(house).await;
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                let checks: [fn(&Certificate) -> bool; 4] = [
                    is_qualified_authentication,
                    is_qualified_signing,
                    is_advanced_authentication,
                    is_advanced_signing,
                ];
                for (right, (document_number, purpose)) in [
                    (QUALIFIED, KeyPurpose::Authentication),
                    (QUALIFIED, KeyPurpose::Signing),
                    (ADVANCED, KeyPurpose::Authentication),
                    (ADVANCED, KeyPurpose::Signing),
                ]
                .into_iter()
                .enumerate()
                {
                    let issued = issue(&authority, document_number, purpose, 4096).await;
                    let certificate = Certificate::from_der(&issued.der).unwrap();
                    let judged = checks.map(|check| check(&certificate));
                    let mut expected = [false; 4];
                    expected[right] = true;
                    assert_eq!(judged, expected, "{document_number} {purpose:?}");
                    let usage = key_usage(&certificate);
                    assert_ne!(usage.digital_signature(), usage.non_repudiation());
                    assert_eq!(
                        extension(&certificate, DIRECTORY_ATTRIBUTES).is_some(),
                        document_number == QUALIFIED
                    );
                }
            });
        },
    );
}

#[test]
fn claim_what_the_profile_says_and_nothing_else() {
    with_token(
        "account_certificates::claim_what_the_profile_says_and_nothing_else",
        |house| {
            run(async {
                let (keys, mut config) = initialised(house).await;
                config.profile = toml::from_str::<toml::Table>(
                    "qualified_authentication = ['1.3.6.1.4.1.99999.1']\n\
                     qualified_signing = ['1.3.6.1.4.1.99999.2']\n\
                     advanced = ['1.3.6.1.4.1.99999.3']\n\
                     authentication_usage = '1.3.6.1.4.1.99999.4'\n\
                     qualified_statements = false\n",
                )
                .unwrap()
                .try_into()
                .unwrap();
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                let issued = issue(&authority, QUALIFIED, KeyPurpose::Signing, 4096).await;
                save(&config.directory, &issued);
                let text = openssl(
                    &config.directory,
                    &["x509", "-in", "leaf.pem", "-noout", "-text"],
                )
                .unwrap();
                assert_eq!(text.matches("Policy: ").count(), 1);
                assert!(text.contains("Policy: 1.3.6.1.4.1.99999.2"), "{text}");
                assert!(!text.contains("qcStatements"), "{text}");
            });
        },
    );
}

#[test]
fn verify_up_to_the_root_and_read_as_they_should() {
    with_token(
        "account_certificates::verify_up_to_the_root_and_read_as_they_should",
        |house| {
            run(async {
                let (keys, config) = initialised(house).await;
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                // A product of two 2048-bit moduli has 4095 or 4096 bits.
                for bits in [4095, 4096] {
                    let issued = issue(&authority, QUALIFIED, KeyPurpose::Signing, bits).await;
                    save(&config.directory, &issued);
                    openssl(
                        &config.directory,
                        &[
                            "verify",
                            "-x509_strict",
                            "-CAfile",
                            "root.pem",
                            "-untrusted",
                            "issuing.pem",
                            "leaf.pem",
                        ],
                    )
                    .unwrap();
                    let without_issuer = ["verify", "-CAfile", "root.pem", "leaf.pem"];
                    assert!(openssl(&config.directory, &without_issuer).is_err());
                    let text = openssl(
                        &config.directory,
                        &[
                            "x509",
                            "-in",
                            "leaf.pem",
                            "-noout",
                            "-text",
                            "-nameopt",
                            "utf8,sep_comma_plus",
                        ],
                    )
                    .unwrap();
                    for expected in [
                        format!("Public-Key: ({bits} bit)"),
                        "Exponent: 65537".to_owned(),
                        "ecdsa-with-SHA384".to_owned(),
                        "Subject: C=EE,CN=O'CONNEŽ-ÖÖ,MÄRT,SN=O'CONNEŽ-ÖÖ,GN=MÄRT,\
                         serialNumber=PNOEE-40504040001"
                            .to_owned(),
                        "Issuer: CN=TEST of Symbolon Issuing CA,\
                         organizationIdentifier=NTREE-12345678,O=Symbolon TEST,C=EE"
                            .to_owned(),
                        format!("CN={QUALIFIED}"),
                        "CA Issuers - URI:http://ca.example/issuing.cer".to_owned(),
                        "OCSP - URI:http://ca.example/ocsp".to_owned(),
                        "URI:http://ca.example/issuing.crl".to_owned(),
                        "CPS: https://ca.example/cps".to_owned(),
                        "X509v3 Key Usage: critical".to_owned(),
                        "CA:FALSE".to_owned(),
                    ] {
                        assert!(flat(&text).contains(&flat(&expected)), "{expected}\n{text}");
                    }
                }
            });
        },
    );
}

/// Without the blanks that openssl's versions place differently.
fn flat(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn are_encoded_as_clients_read_them() {
    with_token(
        "account_certificates::are_encoded_as_clients_read_them",
        |house| {
            run(async {
                let (keys, config) = initialised(house).await;
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                let issued = issue(&authority, QUALIFIED, KeyPurpose::Authentication, 4096).await;
                let certificate = save(&config.directory, &issued);
                let parts: Vec<_> = certificate
                    .tbs_certificate
                    .subject
                    .0
                    .iter()
                    .map(|part| part.0.get(0).unwrap())
                    .map(|part| (part.oid.to_string(), part.value.tag()))
                    .map(|(kind, tag)| format!("{kind} {tag}"))
                    .collect();
                assert_eq!(
                    parts,
                    [
                        "2.5.4.6 PrintableString",
                        "2.5.4.3 UTF8String",
                        "2.5.4.4 UTF8String",
                        "2.5.4.42 UTF8String",
                        "2.5.4.5 PrintableString",
                    ]
                );
                let birth = extension(&certificate, DIRECTORY_ATTRIBUTES).unwrap();
                assert!(birth.windows(15).any(|octets| octets == b"19050404120000Z"));

                let issuing = std::fs::read(config.directory.join("issuing.pem")).unwrap();
                let issuing = Certificate::load_pem_chain(&issuing).unwrap().remove(0);
                let (_, subject_key) = issuing
                    .tbs_certificate
                    .get::<SubjectKeyIdentifier>()
                    .unwrap()
                    .unwrap();
                let (_, authority_key) = certificate
                    .tbs_certificate
                    .get::<AuthorityKeyIdentifier>()
                    .unwrap()
                    .unwrap();
                assert_eq!(authority_key.key_identifier, Some(subject_key.0));
            });
        },
    );
}

#[test]
fn last_three_years_and_have_serial_numbers_of_their_own() {
    with_token(
        "account_certificates::last_three_years_and_have_serial_numbers_of_their_own",
        |house| {
            run(async {
                let (keys, config) = initialised(house).await;
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                let mut serials = HashSet::new();
                for _ in 0..10 {
                    let issued =
                        issue(&authority, QUALIFIED, KeyPurpose::Authentication, 4096).await;
                    let certificate = Certificate::from_der(&issued.der).unwrap();
                    let octets = certificate.tbs_certificate.serial_number.as_bytes();
                    assert_eq!(issued.serial, hex::encode(octets));
                    assert_eq!(octets.len(), 16);
                    assert!(serials.insert(issued.serial));
                    let validity = certificate.tbs_certificate.validity;
                    assert_eq!(validity.not_before.to_system_time(), issued.not_before);
                    assert_eq!(validity.not_after.to_system_time(), issued.not_after);
                    assert!(issued.not_before <= SystemTime::now());
                    let left = issued.not_after.duration_since(SystemTime::now()).unwrap();
                    let years = Duration::from_secs(3 * 365 * 24 * 60 * 60);
                    assert!(left <= years && left > years - Duration::from_secs(60));
                }
            });
        },
    );
}

#[test]
fn are_not_issued_for_what_is_no_name_or_no_key() {
    with_token(
        "account_certificates::are_not_issued_for_what_is_no_name_or_no_key",
        |house| {
            run(async {
                let (keys, config) = initialised(house).await;
                let authority = CertificateAuthority::open(&config, keys).unwrap();
                let document_number: DocumentNumber = QUALIFIED.parse().unwrap();
                let good = modulus(4096);
                let long = "A".repeat(201);
                for (given_name, surname, modulus) in [
                    ("", "TEST", &good[..]),
                    ("OK", " ", &good),
                    ("OK\nEVIL", "TEST", &good),
                    ("OK", &long, &good),
                    ("OK", "TEST", &good[..256]),
                    ("OK", "TEST", &[0; 512]),
                ] {
                    let result = authority
                        .issue_account_certificate(&AccountCertificateRequest {
                            document_number: &document_number,
                            given_name,
                            surname,
                            birth_date: None,
                            purpose: KeyPurpose::Signing,
                            modulus,
                        })
                        .await;
                    assert!(matches!(result, Err(CertificatesError::Request(_))));
                }
            });
        },
    );
}
