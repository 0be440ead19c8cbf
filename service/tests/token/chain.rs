//! Root, issuing authority and TLS server certificate, as `init` makes them.

use symbolon_service::certificates::chain::{self, Done};
use symbolon_service::certificates::{CertificateAuthority, CertificatesError};
use symbolon_service::keys::{Authority, ServiceKeys, TokenName};

use crate::configuration::{certificates, hsm, initialised, run};
use crate::openssl::openssl;
use crate::softhsm::{PIN, with_token};

#[test]
fn is_made_once_and_kept() {
    with_token("chain::is_made_once_and_kept", |house| {
        run(async {
            let (keys, _) = ServiceKeys::make(&hsm(house)).unwrap();
            let config = certificates(house);
            let made = chain::make(&config, &keys, "localhost").await.unwrap();
            assert!(made.iter().all(|file| file.done == Done::Made));
            let contents = |name| std::fs::read(config.directory.join(name)).unwrap();
            let before = ["root.pem", "issuing.pem", "server.pem"].map(contents);
            let made = chain::make(&config, &keys, "localhost").await.unwrap();
            assert!(made.iter().all(|file| file.done == Done::Kept));
            assert_eq!(
                ["root.pem", "issuing.pem", "server.pem"].map(contents),
                before
            );
        });
    });
}

#[test]
fn satisfies_openssl() {
    with_token("chain::satisfies_openssl", |house| {
        run(async {
            let (_, config) = initialised(house).await;
            let check = |arguments: &[&str]| openssl(&config.directory, arguments);
            check(&[
                "verify",
                "-x509_strict",
                "-check_ss_sig",
                "-CAfile",
                "root.pem",
                "root.pem",
            ])
            .unwrap();
            check(&[
                "verify",
                "-x509_strict",
                "-CAfile",
                "root.pem",
                "issuing.pem",
            ])
            .unwrap();
            let server = |name| {
                check(&[
                    "verify",
                    "-x509_strict",
                    "-purpose",
                    "sslserver",
                    "-verify_hostname",
                    name,
                    "-CAfile",
                    "root.pem",
                    "-untrusted",
                    "issuing.pem",
                    "server.pem",
                ])
            };
            server("localhost").unwrap();
            assert!(server("other.example").is_err());
            let text = check(&["x509", "-in", "issuing.pem", "-noout", "-text"]).unwrap();
            for expected in [
                "CA:TRUE, pathlen:0",
                "secp384r1",
                "Certificate Sign, CRL Sign",
            ] {
                assert!(text.contains(expected), "{expected}\n{text}");
            }
        });
    });
}

#[test]
fn renews_the_server_certificate_when_its_names_change() {
    with_token(
        "chain::renews_the_server_certificate_when_its_names_change",
        |house| {
            run(async {
                let (keys, mut config) = initialised(house).await;
                config.server_names.push("id.example".to_owned());
                let made = chain::make(&config, &keys, "localhost").await.unwrap();
                let done: Vec<_> = made.iter().map(|file| file.done).collect();
                assert_eq!(done, [Done::Kept, Done::Kept, Done::Renewed]);
                let text = openssl(
                    &config.directory,
                    &["x509", "-in", "server.pem", "-noout", "-text"],
                )
                .unwrap();
                assert!(
                    text.contains("DNS:localhost, IP Address:127.0.0.1, DNS:id.example"),
                    "{text}"
                );
            });
        },
    );
}

#[test]
fn is_refused_beside_another_token() {
    with_token("chain::is_refused_beside_another_token", |house| {
        house.add("other", PIN);
        run(async {
            let (_, config) = initialised(house).await;
            let mut config_of_other = hsm(house);
            config_of_other.address.token = TokenName::LabelOrSerial("other".into());
            let (other, _) = ServiceKeys::make(&config_of_other).unwrap();
            let unusable = |error| matches!(error, CertificatesError::Unusable { .. });
            assert!(unusable(
                CertificateAuthority::open(&config, other.clone()).unwrap_err()
            ));
            assert!(unusable(chain::load_server(&config, &other).unwrap_err()));
            assert!(unusable(
                chain::make(&config, &other, "localhost").await.unwrap_err()
            ));
        });
    });
}

#[test]
fn is_exported_as_it_is_and_missed_where_it_is_not() {
    with_token(
        "chain::is_exported_as_it_is_and_missed_where_it_is_not",
        |house| {
            run(async {
                assert!(matches!(
                    chain::export(&certificates(house), Authority::Root),
                    Err(CertificatesError::NotInitialised(_))
                ));
                let (_, config) = initialised(house).await;
                let root = chain::export(&config, Authority::Root).unwrap();
                let file = std::fs::read_to_string(config.directory.join("root.pem")).unwrap();
                assert_eq!(root, file);
                std::fs::write(config.directory.join("root.pem"), "nothing").unwrap();
                assert!(matches!(
                    chain::export(&config, Authority::Root),
                    Err(CertificatesError::Unusable { .. })
                ));
            });
        },
    );
}
