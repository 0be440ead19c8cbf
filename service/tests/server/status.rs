//! OCSP, revocation lists and authorities' certificates, judged by the openssl command.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::{Decode, EncodePem};
use serde_json::Value;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_service::certificates::{AccountCertificateRequest, CertificateAuthority};
use symbolon_service::config::Config;
use symbolon_service::keys::ServiceKeys;
use symbolon_service::store::Store;
use x509_cert::Certificate;

use crate::http::{self, SOON};
use crate::program::{DOCUMENT, Installation, Serving};
use crate::softhsm::with_token;

/// A service with one certificate of the account, and a listener of its own for the status.
fn prepared(house: &crate::softhsm::TokenHouse) -> Installation {
    let installation = Installation::prepared(house);
    let text = installation.configuration() + "[status]\nlisten = '127.0.0.1:0'\n";
    installation.configure(&text);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(add_certificate(&installation));
    installation
}

async fn add_certificate(installation: &Installation) {
    let config = Config::load(&installation.path("service.toml")).unwrap();
    let keys = ServiceKeys::open(&config.hsm).unwrap();
    let authority = CertificateAuthority::open(&config.certificates, keys).unwrap();
    let issued = authority
        .issue_account_certificate(&AccountCertificateRequest {
            document_number: &DOCUMENT.parse().unwrap(),
            given_name: "OK",
            surname: "TEST",
            birth_date: None,
            purpose: KeyPurpose::Signing,
            modulus: &[0xa7; 512],
        })
        .await
        .unwrap();
    let pem = Certificate::from_der(&issued.der)
        .unwrap()
        .to_pem(der::pem::LineEnding::LF)
        .unwrap();
    std::fs::write(installation.path("certificates/leaf.pem"), pem).unwrap();
    let store = Store::open(&config.store.url).await.unwrap();
    store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO certificate (serial, document_number, purpose, der, not_before, \
                     not_after) VALUES ($1, $2, 'signing', $3, 0, $4)",
                )
                .bind(issued.serial)
                .bind(DOCUMENT)
                .bind(issued.der)
                .bind(i64::MAX)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    store.close().await;
}

fn status_address(installation: &Installation) -> SocketAddr {
    let text = std::fs::read_to_string(installation.path("addresses.json")).unwrap();
    let bound: Value = serde_json::from_str(&text).unwrap();
    bound["status"].as_str().unwrap().parse().unwrap()
}

/// Everything that openssl says, on both outputs.
fn openssl(installation: &Installation, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(installation.path("certificates"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.success(),
        text + &String::from_utf8_lossy(&output.stderr),
    )
}

/// What `openssl ocsp` makes of the answer; it must verify.
fn ocsp(installation: &Installation, address: SocketAddr, arguments: &[&str]) -> String {
    let url = format!("http://{address}/ocsp");
    let common = [
        "ocsp",
        "-CAfile",
        "root.pem",
        "-issuer",
        "issuing.pem",
        "-url",
        &url,
    ];
    let (_, text) = openssl(installation, &[&common[..], arguments].concat());
    assert!(text.contains("Response verify OK"), "{text}");
    text
}

/// Status, head and body of an answer.
fn fetch(address: SocketAddr, request: &[u8]) -> (u16, String, Vec<u8>) {
    use std::io::Write;
    let mut stream = http::begin(address, "");
    // A server that refuses a body may close before all of it is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let head_ends = answer.windows(4).position(|octets| octets == b"\r\n\r\n");
    let body = answer.split_off(head_ends.unwrap() + 4);
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    (head[9..12].parse().unwrap(), head, body)
}

fn get(address: SocketAddr, path: &str, more: &str) -> (u16, String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{more}\r\n");
    fetch(address, request.as_bytes())
}

fn post(address: SocketAddr, body: &[u8]) -> (u16, String, Vec<u8>) {
    let length = body.len();
    let mut request = format!(
        "POST /ocsp HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
         content-type: application/ocsp-request\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    fetch(address, &request)
}

/// A request of openssl's about the account's certificate.
fn request(installation: &Installation, nonce: &str) -> Vec<u8> {
    let wanted = [
        "ocsp",
        "-issuer",
        "issuing.pem",
        "-cert",
        "leaf.pem",
        "-reqout",
        "request.der",
    ];
    let (_, text) = openssl(installation, &[&wanted[..], &[nonce]].concat());
    let path = installation.path("certificates/request.der");
    std::fs::read(path).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn serve(installation: &Installation) -> (Serving, SocketAddr) {
    let serving = installation.serve();
    let address = status_address(installation);
    (serving, address)
}

#[test]
fn openssl_is_told_what_holds_and_a_closed_accounts_certificate_does_not() {
    with_token(
        "status::openssl_is_told_what_holds_and_a_closed_accounts_certificate_does_not",
        |house| {
            let installation = prepared(house);
            let (serving, address) = serve(&installation);
            let leaf = &["-cert", "leaf.pem"][..];
            for hash in ["-sha1", "-sha256", "-sha384", "-sha512"] {
                let text = ocsp(&installation, address, &[&[hash], leaf].concat());
                assert!(text.contains("leaf.pem: good"), "{hash} {text}");
                assert!(!text.to_lowercase().contains("nonce"), "{text}");
            }
            let unhurried = &["-no_nonce", "-cert", "leaf.pem"][..];
            let text = ocsp(&installation, serving.relying_parties, unhurried);
            assert!(text.contains("leaf.pem: good"), "{text}");
            assert!(text.contains("Next Update"), "{text}");
            let several = [
                "-cert",
                "server.pem",
                "-cert",
                "leaf.pem",
                "-serial",
                "0x4711",
            ];
            let text = ocsp(&installation, address, &several);
            for expected in ["server.pem: good", "leaf.pem: good", "0x4711: unknown"] {
                assert!(text.contains(expected), "{text}");
            }

            installation.must(&["account", "close", DOCUMENT]);
            // At once: the first that asks is told.
            for arguments in [leaf, unhurried] {
                let text = ocsp(&installation, address, arguments);
                assert!(text.contains("leaf.pem: revoked"), "{text}");
            }
            // Openssl has no name for the reason: privilegeWithdrawn, [0] EXPLICIT ENUMERATED 9.
            let reason = [0xa0, 0x03, 0x0a, 0x01, 0x09];
            let (_, _, answer) = post(address, &request(&installation, "-nonce"));
            assert!(answer.windows(5).any(|octets| octets == reason));
        },
    );
}

#[test]
fn a_foreign_issuers_certificate_is_unknown() {
    with_token(
        "status::a_foreign_issuers_certificate_is_unknown",
        |house| {
            let installation = prepared(house);
            let (_serving, address) = serve(&installation);
            let print = ["x509", "-in", "leaf.pem", "-noout", "-serial"];
            let (_, text) = openssl(&installation, &print);
            let serial = format!("0x{}", text.trim().trim_start_matches("serial="));
            let own = ocsp(&installation, address, &["-serial", &serial]);
            assert!(own.contains(&format!("{serial}: good")), "{own}");
            // The same serial number, of another issuer.
            let url = format!("http://{address}/ocsp");
            let other = ["ocsp", "-issuer", "root.pem", "-serial", &serial];
            let unchecked = ["-url", &url, "-noverify"];
            let (_, text) = openssl(&installation, &[&other[..], &unchecked].concat());
            assert!(text.contains(&format!("{serial}: unknown")), "{text}");
        },
    );
}

#[test]
fn an_answer_by_get_is_kept_and_never_outlives_a_revocation() {
    with_token(
        "status::an_answer_by_get_is_kept_and_never_outlives_a_revocation",
        |house| {
            let installation = prepared(house);
            let (_serving, address) = serve(&installation);
            let text = STANDARD.encode(request(&installation, "-no_nonce"));
            let escaped = text
                .replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D");
            let (status, head, first) = get(address, &format!("/ocsp/{escaped}"), "");
            assert_eq!(status, 200, "{head}");
            assert!(
                head.contains("content-type: application/ocsp-response"),
                "{head}"
            );
            assert!(head.contains("max-age=0, must-revalidate"), "{head}");
            // The same octets, though slashes may stand as they are.
            assert_eq!(get(address, &format!("/ocsp/{text}"), "").2, first);
            let tag = head.split("etag: ").nth(1).unwrap().split("\r\n").next();
            let known = format!("if-none-match: {}\r\n", tag.unwrap());
            assert_eq!(get(address, &format!("/ocsp/{text}"), &known).0, 304);

            installation.must(&["account", "close", DOCUMENT]);
            let (status, _, second) = get(address, &format!("/ocsp/{text}"), &known);
            assert_eq!(status, 200);
            assert_ne!(first, second);
        },
    );
}

#[test]
fn openssl_verifies_with_the_revocation_lists() {
    with_token(
        "status::openssl_verifies_with_the_revocation_lists",
        |house| {
            let installation = prepared(house);
            let (_serving, address) = serve(&installation);
            let folder = installation.path("certificates");
            let fetch_lists = || {
                for name in ["issuing", "root"] {
                    let (status, head, der) = get(address, &format!("/crl/{name}.crl"), "");
                    assert_eq!(status, 200, "{head}");
                    assert!(
                        head.contains("content-type: application/pkix-crl"),
                        "{head}"
                    );
                    std::fs::write(folder.join(format!("{name}.crl")), der).unwrap();
                    let (input, output) = (format!("{name}.crl"), format!("{name}.crl.pem"));
                    let convert = ["crl", "-inform", "DER", "-in", &input, "-out", &output];
                    let authority = format!("{name}.pem");
                    let check = ["-CAfile", &authority];
                    let (_, text) = openssl(&installation, &[&convert[..], &check].concat());
                    assert!(text.contains("verify OK"), "{text}");
                }
            };
            let number = || -> u64 {
                let print = ["crl", "-in", "issuing.crl.pem", "-noout", "-crlnumber"];
                let (_, text) = openssl(&installation, &print);
                u64::from_str_radix(text.trim().trim_start_matches("crlNumber=0x"), 16)
                    .expect(&text)
            };
            let verify = || {
                let chain = ["-CAfile", "root.pem", "-untrusted", "issuing.pem"];
                let lists = ["-CRLfile", "issuing.crl.pem", "-CRLfile", "root.crl.pem"];
                let strictly = ["verify", "-x509_strict", "-crl_check_all"];
                let all = [&strictly[..], &chain, &lists, &["leaf.pem"]].concat();
                openssl(&installation, &all)
            };
            fetch_lists();
            let before = number();
            let (right, text) = verify();
            assert!(right, "{text}");
            fetch_lists();
            assert_eq!(number(), before, "nothing changed");

            installation.must(&["account", "close", DOCUMENT]);
            fetch_lists();
            assert!(number() > before);
            let (right, text) = verify();
            assert!(!right && text.contains("certificate revoked"), "{text}");
            let print = ["crl", "-in", "issuing.crl.pem", "-noout", "-text"];
            let (_, text) = openssl(&installation, &print);
            assert!(text.contains("Privilege Withdrawn"), "{text}");
        },
    );
}

#[test]
fn the_authorities_certificates_are_given_away() {
    with_token(
        "status::the_authorities_certificates_are_given_away",
        |house| {
            let installation = prepared(house);
            let (serving, address) = serve(&installation);
            for address in [address, serving.relying_parties] {
                for name in ["issuing", "root"] {
                    let (status, head, der) = get(address, &format!("/ca/{name}.cer"), "");
                    assert_eq!(status, 200, "{head}");
                    assert!(
                        head.contains("content-type: application/pkix-cert"),
                        "{head}"
                    );
                    let file = installation
                        .path("certificates")
                        .join(format!("{name}.pem"));
                    assert_eq!(der, certificate_of(&file));
                }
            }
            // The status listener serves nothing else.
            assert_eq!(get(address, "/health", "").0, 404);
        },
    );
}

fn certificate_of(file: &Path) -> Vec<u8> {
    let pem = std::fs::read(file).unwrap();
    let chain = Certificate::load_pem_chain(&pem).unwrap();
    der::Encode::to_der(&chain[0]).unwrap()
}

#[test]
fn nothing_that_is_sent_is_a_fault() {
    with_token("status::nothing_that_is_sent_is_a_fault", |house| {
        let installation = prepared(house);
        let (_serving, address) = serve(&installation);
        let request = request(&installation, "-nonce");
        // RFC 6960 section 4.2.1: malformedRequest is 1.
        let malformed = [0x30, 0x03, 0x0a, 0x01, 0x01];
        for length in 0..request.len() {
            let (status, _, body) = post(address, &request[..length]);
            assert_eq!((status, &body[..]), (200, &malformed[..]), "{length}");
        }
        for at in 0..request.len() {
            let mut damaged = request.clone();
            damaged[at] ^= 0x55;
            assert_eq!(post(address, &damaged).0, 200, "{at}");
        }
        for path in ["/ocsp/!!!", "/ocsp/%ff%fe", "/ocsp/MA==", "/ocsp/M//////A"] {
            let (status, _, body) = get(address, path, "");
            assert_eq!((status, &body[..]), (200, &malformed[..]), "{path}");
        }
        assert_eq!(post(address, &vec![0x30; 100_000]).0, 413);
        let long = format!("/ocsp/{}", "A".repeat(20_000));
        assert_eq!(get(address, &long, "").0, 414);
        let text = ocsp(&installation, address, &["-cert", "leaf.pem"]);
        assert!(text.contains("leaf.pem: good"), "{text}");
    });
}

#[test]
fn a_flood_is_turned_away_and_logins_go_on() {
    with_token("status::a_flood_is_turned_away_and_logins_go_on", |house| {
        let installation = prepared(house);
        let (serving, address) = serve(&installation);
        let request = request(&installation, "-nonce");
        let began = Instant::now();
        let turned_away: usize = std::thread::scope(|scope| {
            let floods: Vec<_> = (0..200)
                .map(|_| {
                    scope.spawn(|| {
                        let mut turned_away = 0;
                        for _ in 0..5 {
                            let (status, head, _) = post(address, &request);
                            match status {
                                200 => {}
                                503 => {
                                    assert!(head.contains("retry-after: 1"), "{head}");
                                    turned_away += 1;
                                }
                                other => panic!("{other}: {head}"),
                            }
                        }
                        turned_away
                    })
                })
                .collect();
            serving.login();
            floods.into_iter().map(|flood| flood.join().unwrap()).sum()
        });
        assert!(turned_away > 0, "1000 requests found a place");
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        let text = ocsp(&installation, address, &["-cert", "leaf.pem"]);
        assert!(text.contains("leaf.pem: good"), "{text}");
    });
}
