//! Demo accounts in the running program.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use symbolon_protocol::acsp::user_challenge;
use symbolon_protocol::device_link::{AuthCodeInput, session_secret_digest};

use crate::http::{self, SOON};
use crate::program::{Installation, RELYING_PARTY, Serving};
use crate::softhsm::with_token;

const ACCEPTS: &str = "PNOLV-329999-99901-MOCK-Q";
const REFUSES: &str = "PNOEE-30403039917-MOCK-Q";
const REFUSES_ON_SCREEN: &str = "PNOEE-30403039946-MOCK-Q";
const PICKS_WRONG: &str = "PNOEE-30403039972-MOCK-Q";
const REFUSES_CHOICE: &str = "PNOEE-30403039939-MOCK-Q";
const SILENT: &str = "PNOEE-30403039983-MOCK-Q";

const SWITCH: &str = "[demo]\nanswer_after_ms = 0\n";
const CHALLENGE: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
/// Base64 of `[{"type":"confirmationMessage","displayText200":"Login?"}]`.
const INTERACTIONS: &str =
    "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZ2luPyJ9XQ==";

#[test]
fn s115_demo_accounts_answer_by_themselves_as_their_table_says() {
    let test = "demo::s115_demo_accounts_answer_by_themselves_as_their_table_says";
    with_token(test, |house| {
        let installation = Installation::prepared(house);
        let configuration = installation.configuration();
        let section = "[relying_party]\n";
        let both = configuration.replace(section, &format!("{section}prefix_v2 = '/v2'\n"));
        installation.configure(&format!("session_lifetime_seconds = 5\n{both}{SWITCH}"));
        let accounts = [
            ACCEPTS,
            REFUSES,
            REFUSES_ON_SCREEN,
            PICKS_WRONG,
            REFUSES_CHOICE,
            SILENT,
        ];
        assert_eq!(init(&installation, &accounts), ["made"; 6]);
        assert_eq!(init(&installation, &accounts), ["kept"; 6]);

        // A restart in between: the device goes on with the token that it was given last.
        for _ in 0..2 {
            let serving = installation.serve();
            for _ in 0..2 {
                assert_eq!(ending(&serving, ACCEPTS)["endResult"], "OK");
            }
        }
        let serving = installation.serve();
        for (account, end) in [
            (REFUSES, json!({"endResult": "USER_REFUSED"})),
            (
                REFUSES_ON_SCREEN,
                json!({"endResult": "USER_REFUSED_INTERACTION",
                       "details": {"interaction": "confirmationMessage"}}),
            ),
            (PICKS_WRONG, json!({"endResult": "WRONG_VC"})),
            (
                REFUSES_CHOICE,
                json!({"endResult": "USER_REFUSED_INTERACTION", "details":
                       {"interaction": "confirmationMessageAndVerificationCodeChoice"}}),
            ),
            (SILENT, json!({"endResult": "TIMEOUT"})),
        ] {
            assert_eq!(ending(&serving, account), end, "{account}");
        }
        for (account, word) in [
            (ACCEPTS, "OK"),
            (REFUSES_ON_SCREEN, "USER_REFUSED_CONFIRMATIONMESSAGE"),
            (REFUSES_CHOICE, "USER_REFUSED_VC_CHOICE"),
        ] {
            assert_eq!(ending_of_v2(&serving, account), word, "{account}");
        }
        let person = "etsi/PNOLV-329999-99901";
        let answer = poll(&serving, &ask(&serving, "notification", person, None));
        let certificate = STANDARD.decode(answer["cert"]["value"].as_str().unwrap());
        let birth_date = b"19030303120000Z";
        assert!(
            certificate
                .unwrap()
                .windows(15)
                .any(|octets| octets == birth_date),
            "the code does not tell the birth date, so the certificate does"
        );
    });
}

#[test]
fn s116_demo_accounts_exist_in_a_demo_alone() {
    let test = "demo::s116_demo_accounts_exist_in_a_demo_alone";
    with_token(test, |house| {
        let installation = Installation::prepared(house);
        let configuration = installation.configuration();
        let refusal = |arguments: &[&str]| {
            let output = installation.run(arguments);
            assert!(!output.status.success(), "{arguments:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let one = ["demo", "init", "--account", ACCEPTS];
        assert!(refusal(&one).contains("no [demo] section"));

        let demo = format!("{configuration}{SWITCH}");
        for (written, instead) in [
            ("'smart-id-demo'", "'smart-id'"),
            ("'smart-id-compatible'", "{ arc = '1.3.6.1.4.1.32473.1' }"),
        ] {
            installation.configure(&demo.replace(written, instead));
            for arguments in [&one[..], &["serve"], &["check"]] {
                assert!(refusal(arguments).contains("[demo] is refused"));
            }
        }
        installation.configure(&demo);
        assert_eq!(init(&installation, &[ACCEPTS]), ["made"]);
        installation.configure(&configuration);
        assert!(refusal(&["serve"]).contains("holds demo accounts"));
    });
}

#[test]
fn s117_the_mock_opens_a_link_and_calls_the_callback() {
    let test = "demo::s117_the_mock_opens_a_link_and_calls_the_callback";
    with_token(test, |house| {
        let installation = Installation::prepared(house);
        let (callback, called) = callback_server(&installation);
        let roots = installation.path("callback.pem");
        let configuration = installation.configuration();
        installation.configure(&format!(
            "{configuration}{SWITCH}callback_roots = '{}'\n",
            roots.display()
        ));
        init(&installation, &[ACCEPTS, REFUSES]);
        let serving = installation.serve();

        for (account, end) in [(ACCEPTS, "OK"), (REFUSES, "USER_REFUSED")] {
            let whom = format!("document/{account}");
            let opened = ask(&serving, "device-link", &whom, Some(&callback));
            let mock = json!({
                "documentNumber": account, "deviceLink": link(&opened, &callback),
                "flowType": "Web2App", "browserCookie": "value=1",
                "initialCallbackUrl": "https://somewhere.else.invalid/",
            });
            let mut no_cookie = mock.clone();
            no_cookie["browserCookie"] = Value::Null;
            assert_eq!(post_mock(&serving, &no_cookie), 400);
            assert_eq!(post_mock(&serving, &mock), 200);
            let answer = poll(&serving, &opened);
            assert_eq!(answer["result"]["endResult"], end);

            let (path, cookie) = called.recv_timeout(SOON).unwrap();
            assert_eq!(cookie, "value=1");
            let secret = STANDARD.decode(opened["sessionSecret"].as_str().unwrap());
            let digest = session_secret_digest(&secret.unwrap());
            let rest = path
                .strip_prefix(&format!("/cb?value=1&sessionSecretDigest={digest}"))
                .expect(&path);
            match rest.strip_prefix("&userChallengeVerifier=") {
                Some(verifier) => {
                    assert_eq!(
                        answer["signature"]["userChallenge"],
                        user_challenge(verifier)
                    );
                }
                None => assert_eq!(rest, "", "nothing goes with a refusal"),
            }
        }
        let stranger = json!({"documentNumber": "PNOEE-40504040001-DEMA-Q",
            "deviceLink": "https://x", "flowType": "QR"});
        assert_eq!(post_mock(&serving, &stranger), 400);
    });
}

/// Makes demo accounts, and returns what was said of each.
fn init(installation: &Installation, accounts: &[&str]) -> Vec<String> {
    let mut arguments = vec!["demo", "init", "--json"];
    for account in accounts {
        arguments.extend(["--account", account]);
    }
    let output = installation.run(&arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| line["made"].as_str().unwrap().to_owned())
        .collect()
}

fn ending(serving: &Serving, account: &str) -> Value {
    let opened = ask(
        serving,
        "notification",
        &format!("document/{account}"),
        None,
    );
    let mut result = poll(serving, &opened)["result"].clone();
    if result["endResult"] == "OK" {
        assert_eq!(result["documentNumber"], account);
        result = json!({"endResult": "OK"});
    }
    result
}

fn ending_of_v2(serving: &Serving, account: &str) -> Value {
    let body = json!({
        "relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO",
        "hash": CHALLENGE, "hashType": "SHA256",
        "allowedInteractionsOrder": [{"type": "verificationCodeChoice", "displayText60": "Login?"}],
    });
    let path = format!("/v2/authentication/document/{account}");
    let opened = http::post(serving.relying_parties, &path, &body).body;
    let session = opened["sessionID"].as_str().unwrap();
    let path = format!("/v2/session/{session}?timeoutMs=30000");
    http::get(serving.relying_parties, &path).body["result"]["endResult"].clone()
}

fn ask(serving: &Serving, flow: &str, whom: &str, callback: Option<&str>) -> Value {
    let body = json!({
        "relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO",
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": CHALLENGE, "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA3-512"}
        },
        "interactions": INTERACTIONS, "vcType": "numeric4", "initialCallbackUrl": callback,
    });
    let path = format!("/v3/authentication/{flow}/{whom}");
    let answer = http::post(serving.relying_parties, &path, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn poll(serving: &Serving, opened: &Value) -> Value {
    let session = opened["sessionID"].as_str().unwrap();
    let path = format!("/v3/session/{session}?timeoutMs=30000");
    let answer = http::get(serving.relying_parties, &path);
    assert_eq!(answer.body["state"], "COMPLETE", "{answer:?}");
    answer.body
}

fn link(opened: &Value, callback: &str) -> String {
    let text = |name: &str| opened[name].as_str().unwrap();
    let unprotected = format!(
        "{}?deviceLinkType=Web2App&sessionToken={}&sessionType=auth&version=1.0&lang=eng",
        text("deviceLinkBase"),
        text("sessionToken")
    );
    let input = AuthCodeInput {
        scheme_name: "smart-id-demo",
        signature_protocol: "ACSP_V2",
        challenge: CHALLENGE,
        relying_party_name: "DEMO",
        brokered_relying_party_name: None,
        interactions: INTERACTIONS,
        initial_callback_url: Some(callback),
    };
    let secret = STANDARD.decode(text("sessionSecret")).unwrap();
    let code = input.auth_code(&unprotected, &secret);
    format!("{unprotected}&authCode={code}")
}

fn post_mock(serving: &Serving, body: &Value) -> u16 {
    http::post(serving.relying_parties, "/mock/device-link", body).status
}

/// A relying party's web server: its callback's address, and what it is called with (path, cookie).
fn callback_server(installation: &Installation) -> (String, Receiver<(String, String)>) {
    let (certificate, key) = (
        installation.path("callback.pem"),
        installation.path("callback.key"),
    );
    let output = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=callback"
                .split(' '),
        )
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-out".as_ref(), certificate.as_os_str()])
        .args(["-keyout".as_ref(), key.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&certificate).unwrap()],
            PrivateKeyDer::from_pem_file(&key).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::new(tls.clone())).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut lines = BufReader::new(&mut stream).lines();
            let first = lines.next().unwrap().unwrap();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let cookie = lines
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .find_map(|line| line.strip_prefix("cookie: ").map(str::to_owned))
                .unwrap_or_default();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            let _ = tell.send((path, cookie));
        }
    });
    (format!("https://{address}/cb?value=1"), told)
}
