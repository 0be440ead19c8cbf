//! Certificate choices: a person hands out their certificate, and signs what was made for it.

use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use symbolon_protocol::device_link::{AuthCodeInput, session_secret_digest};
use symbolon_tests::cli::{Said, code};
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::openssl;
use symbolon_tests::process::program;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PERSON, PIN2, Plan, Rig, USUAL};
use symbolon_tests::service::SCHEME;

const CALLBACK: &str = "https://rp.example.com/chosen?value=1";
const DOCUMENT: &[u8] = b"a contract that names its signer's certificate";

/// A certificate choice that waits for whoever opens its link.
struct Link {
    session: String,
    unprotected: String,
    secret: Vec<u8>,
}

impl Link {
    fn begin(rig: &Rig) -> Self {
        let mut body = rig.relying_party.named();
        body["initialCallbackUrl"] = CALLBACK.into();
        let path = "signature/certificate-choice/device-link/anonymous";
        let answer = rig.relying_party.post(path, &body).must_be(200);
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            session: text("sessionID"),
            unprotected: format!(
                "{}?deviceLinkType=Web2App&sessionToken={}&sessionType=cert&version=1.0&lang=eng",
                text("deviceLinkBase"),
                text("sessionToken")
            ),
            secret: STANDARD.decode(text("sessionSecret")).unwrap(),
        }
    }

    fn sealed(&self, rig: &Rig) -> String {
        let named = rig.relying_party.named();
        let input = AuthCodeInput {
            scheme_name: SCHEME,
            signature_protocol: "",
            challenge: "",
            relying_party_name: named["relyingPartyName"].as_str().unwrap(),
            brokered_relying_party_name: None,
            interactions: "",
            initial_callback_url: Some(CALLBACK),
        };
        let code = input.auth_code(&self.unprotected, &self.secret);
        format!("{}&authCode={code}", self.unprotected)
    }

    /// Where the browser comes back: it names the session, and proves nobody's login.
    fn callback(&self) -> String {
        let digest = session_secret_digest(&self.secret);
        format!("{CALLBACK}&sessionSecretDigest={digest}")
    }
}

/// The certificate of a status, and that there is no signature beside it.
fn certificate(status: &Value, flow: &str) -> Vec<u8> {
    assert_eq!(status["result"]["endResult"], "OK", "{status}");
    assert_eq!(status["signature"], serde_json::json!({"flowType": flow}));
    for absent in ["signatureProtocol", "interactionTypeUsed"] {
        assert_eq!(status[absent], Value::Null, "{status}");
    }
    let value = status["cert"]["value"].as_str().unwrap();
    STANDARD.decode(value).unwrap()
}

/// What was printed last: where the browser is led.
fn led_to(said: &Said) -> Value {
    let line = said.out.lines().last().unwrap_or_default();
    let printed: Value = serde_json::from_str(line).unwrap();
    printed["url"].clone()
}

fn waiting(rig: &Rig) -> Value {
    eventually("a certificate choice", SOON, || {
        rig.device.pending().first().cloned()
    })
}

#[test]
fn s90_a_certificate_is_handed_out_without_a_pin_and_then_signed_for() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let session = rig.relying_party.ask_certificate(PERSON);
    let shown = waiting(&rig);
    assert_eq!(shown["purpose"], Value::Null);
    assert_eq!(
        shown["relyingPartyName"],
        rig.relying_party.named()["relyingPartyName"]
    );
    let id = shown["id"].as_str().unwrap();
    // A script must say that it agrees; a PIN says nothing here.
    let unasked = rig
        .device
        .cli
        .json(&["approve", id, "--pin-stdin"], &[PIN2]);
    assert_eq!(unasked.code, code::USAGE, "{unasked:?}");
    assert!(rig.relying_party.is_running(&session));
    let agreed = rig.device.cli.json(&["approve", id, "--consent"], &[]);
    agreed.must_be(code::DONE);

    let status = rig.relying_party.wait(&session, SOON);
    assert_eq!(status["result"]["documentNumber"], document.as_str());
    let chosen = certificate(&status, "Notification");
    let known = rig.relying_party.certificate(&document).must_be(200);
    assert_eq!(status["cert"], known["cert"]);
    openssl::verify_chain(&rig.service.folder().trust(), &chosen).unwrap();
    let history = rig.device.cli.json(&["history"], &[]).value();
    assert_eq!(history["entries"][0]["event"], "consented");

    // What follows a pushed choice is a signature like any other.
    let target = Target::Document(document);
    let signing = rig.relying_party.sign(&target, USUAL, DOCUMENT, "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let status = rig.relying_party.wait(&signing.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = signing.verify(&status, &trust).unwrap();
    assert_eq!(proven.certificate, chosen);
}

#[test]
fn s91_a_certificate_is_not_handed_out() {
    let plan = Plan::default().session_lifetime(Duration::from_secs(5));
    let Some(rig) = plan.start() else {
        return;
    };
    let (rig, _) = rig.with_account();
    let session = rig.relying_party.ask_certificate(PERSON);
    let id = waiting(&rig)["id"].as_str().unwrap().to_owned();
    rig.device.refuse(&id).must_be(code::DONE);
    assert_eq!(rig.end_of(&session), "USER_REFUSED_CERT_CHOICE");

    let mut again = rig.relying_party.named();
    again["nonce"] = "1".into();
    let path = format!("signature/certificate-choice/notification/etsi/{PERSON}");
    let answer = rig.relying_party.post(&path, &again).must_be(200);
    assert_eq!(rig.end_of(answer["sessionID"].as_str().unwrap()), "TIMEOUT");
}

#[test]
fn s92_a_link_leads_from_the_certificate_to_the_signature_and_back() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let link = Link::begin(&rig);
    let stranger = rig.another_relying_party("Stranger");
    let handed_over = link.sealed(&rig);
    let arguments = ["open", "-", "--no-browser", "--consent", "--pin-stdin"];
    let (said, signing, chosen) = std::thread::scope(|scope| {
        let opener = scope.spawn(|| rig.device.cli.json(&arguments, &[&handed_over, PIN2]));
        let status = rig.relying_party.wait(&link.session, SOON);
        let chosen = certificate(&status, "Web2App");
        let refused =
            |party: &symbolon_tests::relying_party::RelyingParty, number: &str, choice| {
                let refused = party.sign_linked(number, choice, USUAL, DOCUMENT);
                refused.err().map(|answer| answer.status)
            };
        assert_eq!(refused(&stranger, &document, &link.session), Some(400));
        let unknown = "fa20fd1e-e320-4c68-8315-f6a507a0b4a9";
        assert_eq!(refused(&rig.relying_party, &document, unknown), Some(400));
        let other = format!("{PERSON}-ZZZZ-Q");
        assert_eq!(
            refused(&rig.relying_party, &other, &link.session),
            Some(404)
        );
        // It announced a linked signature, so nothing else of it gets through.
        let target = Target::Document(document.clone());
        let login = rig.relying_party.login(&target, USUAL, "Log in?");
        assert_eq!(rig.end_of(&login.session), "EXPECTED_LINKED_SESSION");
        // Another relying party's login is as good as ever.
        let theirs = stranger.login(&target, USUAL, "Log in?");
        let id = rig.device.id_of(&theirs.verification_code);
        rig.device.refuse(&id).must_be(code::DONE);

        let signing = rig
            .relying_party
            .sign_linked(&document, &link.session, USUAL, DOCUMENT)
            .unwrap();
        (opener.join().unwrap(), signing, chosen)
    });
    let status = rig.relying_party.wait(&signing.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = signing.verify(&status, &trust).unwrap();
    assert_eq!(proven.document_number, document);
    assert_eq!(proven.certificate, chosen);
    said.clone().must_be(code::DONE);
    assert_eq!(led_to(&said), link.callback().as_str());
}

#[test]
fn s93_a_refused_link_leads_back_and_hands_nothing_out() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let link = Link::begin(&rig);
    let handed_over = link.sealed(&rig);
    // Nobody agrees: neither a person nor the script.
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    let said = rig.device.cli.json(&arguments, &[&handed_over, PIN2]);
    assert_eq!(said.code, code::USAGE, "{said:?}");
    let id = waiting(&rig)["id"].as_str().unwrap().to_owned();
    rig.device.refuse(&id).must_be(code::DONE);
    let status = rig.relying_party.wait(&link.session, SOON);
    assert_eq!(status["result"]["endResult"], "USER_REFUSED_CERT_CHOICE");
    assert_eq!(status["cert"], Value::Null);
    let linked = rig
        .relying_party
        .sign_linked(&document, &link.session, USUAL, DOCUMENT);
    assert_eq!(linked.err().unwrap().status, 400);
}

#[test]
fn s94_started_by_a_browser_the_command_waits_for_both_answers_of_others() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let link = Link::begin(&rig);
    // A session of its own has no terminal to ask on.
    let opener = Command::new("setsid")
        .arg("--wait")
        .arg(program("symbolon"))
        .args(["--bus", &rig.device.bus_address(), "--json"])
        .args(["open", &link.sealed(&rig), "--no-browser"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = waiting(&rig)["id"].as_str().unwrap().to_owned();
    let agreed = rig.device.cli.json(&["approve", &id, "--consent"], &[]);
    agreed.must_be(code::DONE);
    let status = rig.relying_party.wait(&link.session, SOON);
    let chosen = certificate(&status, "Web2App");
    let signing = rig
        .relying_party
        .sign_linked(&document, &link.session, USUAL, DOCUMENT)
        .unwrap();
    let shown = waiting(&rig);
    assert_eq!(shown["linkedSession"], link.session.as_str());
    assert_eq!(shown["verificationCode"], Value::Null);
    let id = shown["id"].as_str().unwrap();
    rig.device.approve(id, PIN2).must_be(code::DONE);
    let output = opener.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["url"], link.callback().as_str());
    let status = rig.relying_party.wait(&signing.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = signing.verify(&status, &trust).unwrap();
    assert_eq!(proven.certificate, chosen);
}
