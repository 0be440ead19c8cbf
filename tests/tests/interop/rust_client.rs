//! `smart-id-rust-client` from crates.io: flows by notification and by device link, and how they
//! fail.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::link_login::CALLBACK;
use symbolon_tests::openssl;
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, USUAL, WRONG_PIN};

use crate::client::{Clients, octets};

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_accepts_a_login_a_signature_and_a_certificate() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let clients = Clients::of(&rig);

    for flow in ["authentication", "authentication-of-person"] {
        let mut login = clients.begin(flow, &document);
        let id = rig.device.id_of(&login.code());
        rig.device.approve(&id, PIN1).must_be(code::DONE);
        must_be_mari(&login.result(), &document);
    }
    let mut login = clients.begin("authentication-with-code-choice", &document);
    let right = login.code();
    let shown = rig.device.wait_for_choice_with(&right);
    let id = shown["id"].as_str().unwrap();
    rig.device
        .approve_with_code(id, &right, PIN1)
        .must_be(code::DONE);
    must_be_mari(&login.result(), &document);

    let mut certificate = Vec::new();
    for flow in ["signature", "signature-of-person"] {
        let mut signing = clients.begin(flow, &document);
        let id = rig.device.id_of(&signing.code());
        rig.device.approve(&id, PIN2).must_be(code::DONE);
        certificate = must_be_signed(&signing.result());
    }
    openssl::verify_chain(&rig.service.folder().trust(), &certificate).unwrap();

    let told = clients.begin("certificate", &document).result();
    assert_eq!(octets(&told, "certificate"), certificate);
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_clients_device_links_are_opened() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let clients = Clients::of(&rig);
    let open = |link: &str, pin: &str| {
        let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
        rig.device.cli.json(&arguments, &[link, pin])
    };

    // The client has verified the signature over the payload of a QR flow.
    for flow in [
        "link-authentication",
        "link-authentication-of-person",
        "link-authentication-of-account",
    ] {
        let mut login = clients.begin(flow, &document);
        open(&login.link(), PIN1).must_be(code::DONE);
        must_be_mari(&login.result(), &document);
    }
    for flow in ["link-signature", "link-signature-of-person"] {
        let mut signing = clients.begin(flow, &document);
        open(&signing.link(), PIN2).must_be(code::DONE);
        must_be_signed(&signing.result());
    }

    // In the browser of this machine, or from another program on it: the client builds the link and
    // takes the answer's certificate, and leaves callback and signature to its caller.
    for flow in ["web-authentication", "app-authentication"] {
        let mut login = clients.begin(flow, &document);
        let link = login.link();
        let kind = if flow.starts_with("web") {
            "Web2App"
        } else {
            "App2App"
        };
        assert!(link.contains(&format!("?deviceLinkType={kind}&")), "{link}");
        let callback = led_back_to(&open(&link, PIN1).must_be(code::DONE).out);
        let told = login.result();
        assert_eq!(told["documentNumber"], document.as_str());
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(octets(&told, "sessionSecret")));
        let parameter = format!("&sessionSecretDigest={digest}&");
        assert!(callback.contains(&parameter), "{callback}");
        assert!(callback.contains("&userChallengeVerifier="), "{callback}");
    }
    for flow in ["web-signature", "app-signature"] {
        let mut signing = clients.begin(flow, &document);
        let callback = led_back_to(&open(&signing.link(), PIN2).must_be(code::DONE).out);
        must_be_signed(&signing.result());
        assert!(callback.contains("&sessionSecretDigest="), "{callback}");
        assert!(!callback.contains("userChallengeVerifier"), "{callback}");
    }
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_clients_certificate_choices_are_agreed_to_and_its_linked_signature_made() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let clients = Clients::of(&rig);
    let waiting = || {
        let pending = rig.device.pending();
        pending.first()?["id"].as_str().map(str::to_owned)
    };

    let choice = clients.begin("certificate-choice", &document);
    let id = eventually("a certificate choice", SOON, waiting);
    let agreed = rig.device.cli.json(&["approve", &id, "--consent"], &[]);
    agreed.must_be(code::DONE);
    // The client has verified the certificate's chain and level.
    let chosen = choice.result();
    assert_eq!(chosen["documentNumber"], document.as_str());

    let mut linked = clients.begin("linked-signature", &document);
    let arguments = ["open", "-", "--no-browser", "--consent", "--pin-stdin"];
    let opened = rig.device.cli.json(&arguments, &[&linked.link(), PIN2]);
    opened.must_be(code::DONE);
    let signed = linked.result();
    assert_eq!(must_be_signed(&signed), octets(&signed, "chosen"));

    // A link of this kind the client seals as one of a login: it is no link of the session's.
    let mut choice = clients.begin("web-certificate-choice", &document);
    let arguments = ["open", "-", "--no-browser", "--consent"];
    let refused = rig.device.cli.json(&arguments, &[&choice.link()]);
    assert_ne!(refused.code, code::DONE, "{refused:?}");
    assert_names(&choice.error(), "ProtocolFailure");
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_understands_every_refusal() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let clients = Clients::of(&rig);

    let mut login = clients.begin("authentication", &document);
    let id = rig.device.id_of(&login.code());
    rig.device.refuse(&id).must_be(code::DONE);
    // The client knows USER_REFUSED_INTERACTION, and has no error of its own for it.
    assert_names(&login.error(), "Unknown session end result");

    let mut signing = clients.begin("signature", &document);
    let id = rig.device.id_of(&signing.code());
    rig.device.refuse(&id).must_be(code::DONE);
    assert_names(&signing.error(), "Unknown session end result");

    let mut login = clients.begin("authentication-with-code-choice", &document);
    let right = login.code();
    let shown = rig.device.wait_for_choice_with(&right);
    let mut offered = shown["codeChoice"].as_array().unwrap().iter();
    let wrong = offered.find(|code| **code != right.as_str()).unwrap();
    let (id, wrong) = (shown["id"].as_str().unwrap(), wrong.as_str().unwrap());
    rig.device
        .approve_with_code(id, wrong, PIN1)
        .must_be(code::FAILED);
    assert_names(&login.error(), "UserSelectedWrongVerificationCodeException");

    // Sealed with another secret.
    let mut login = clients.begin("link-authentication", &document);
    let link = login.link();
    let (link, seal) = link.split_once("&authCode=").unwrap();
    let forged: String = seal.chars().rev().collect();
    let forged = format!("{link}&authCode={forged}");
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    let said = rig.device.cli.json(&arguments, &[&forged, PIN1]);
    assert_ne!(said.code, code::DONE, "{said:?}");
    assert_names(&login.error(), "ProtocolFailureException");

    let choice = clients.begin("certificate-choice", &document);
    let id = eventually("a certificate choice", SOON, || {
        let pending = rig.device.pending();
        pending.first()?["id"].as_str().map(str::to_owned)
    });
    rig.device.refuse(&id).must_be(code::DONE);
    assert_names(&choice.error(), "UserRefused");

    for flow in [
        "authentication",
        "authentication-of-person",
        "link-authentication-of-account",
        "link-authentication-of-person",
        "signature",
        "signature-of-person",
        "link-signature",
        "link-signature-of-person",
        "certificate",
        "certificate-choice",
    ] {
        let nobody = clients.begin(flow, "PNOEE-50001029996-ABCD-Q");
        assert_names(&nobody.error(), "NotFoundException");
    }
    let stranger = "00000000-0000-4000-8000-00000000000f";
    let refused = clients.begin_as(stranger, "authentication", &document);
    assert_names(&refused.error(), "\\\"status\\\":403");

    let mut login = clients.begin("authentication", &document);
    let id = rig.device.id_of(&login.code());
    for _ in 0..2 {
        rig.device.approve(&id, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    rig.device.approve(&id, WRONG_PIN).must_be(code::LOCKED);
    assert_names(&login.error(), "DocumentUnusableException");
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_learns_that_nobody_answered() {
    let plan = Plan::default().session_lifetime(Duration::from_secs(5));
    let Some((rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    let clients = Clients::of(&rig);
    let mut login = clients.begin("authentication", &document);
    login.code();
    assert_names(&login.error(), "SessionTimeoutException");
}

/// The client found whom the certificate names, and the account that was asked.
fn must_be_mari(told: &Value, document: &str) {
    assert_eq!(told["documentNumber"], document, "{told}");
    assert_eq!(told["identity"][0], "MARI", "{told}");
    assert_eq!(told["identity"][1], "MAASIKAS", "{told}");
}

/// Verifies what the client, with this host, leaves unchecked: the signature. Returns the certificate.
fn must_be_signed(told: &Value) -> Vec<u8> {
    let certificate = octets(told, "certificate");
    let (data, signature) = (octets(told, "document"), octets(told, "signature"));
    openssl::verify_signature(&certificate, USUAL, &data, &signature).unwrap();
    certificate
}

/// Where `symbolon open` says that the browser would be led.
fn led_back_to(out: &str) -> String {
    let printed: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let url = printed["url"].as_str().unwrap();
    assert!(url.starts_with(CALLBACK), "{url}");
    url.to_owned()
}

/// The client's error is this one by its name; its text may be anything.
fn assert_names(error: &str, name: &str) {
    assert!(error.contains(name), "{error} is not {name}");
}
