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

    let mut login = clients.begin("authentication", &document);
    let id = rig.device.id_of(&login.code());
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(login.result()["documentNumber"], document.as_str());

    let mut signing = clients.begin("signature", &document);
    let id = rig.device.id_of(&signing.code());
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let signed = signing.result();
    // With this host the client leaves the signature itself unchecked.
    let certificate = octets(&signed, "certificate");
    let (data, signature) = (octets(&signed, "document"), octets(&signed, "signature"));
    openssl::verify_signature(&certificate, USUAL, &data, &signature).unwrap();
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

    let mut login = clients.begin("link-authentication", &document);
    open(&login.link(), PIN1).must_be(code::DONE);
    // The client has verified the signature over the payload of a QR flow.
    assert_eq!(login.result()["documentNumber"], document.as_str());

    // In the browser of this machine: the client builds the link and takes the answer's certificate,
    // and leaves callback and signature to its caller.
    let mut login = clients.begin("web-authentication", &document);
    let opened = open(&login.link(), PIN1).must_be(code::DONE).out;
    let opened: Value = serde_json::from_str(opened.lines().last().unwrap()).unwrap();
    let callback = opened["url"].as_str().unwrap();
    let told = login.result();
    assert_eq!(told["documentNumber"], document.as_str());
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(octets(&told, "sessionSecret")));
    let parameter = format!("&sessionSecretDigest={digest}&");
    assert!(callback.starts_with(CALLBACK), "{callback}");
    assert!(callback.contains(&parameter), "{callback}");
    assert!(callback.contains("&userChallengeVerifier="), "{callback}");

    let mut signing = clients.begin("link-signature", &document);
    open(&signing.link(), PIN2).must_be(code::DONE);
    let signed = signing.result();
    let certificate = octets(&signed, "certificate");
    let (data, signature) = (octets(&signed, "document"), octets(&signed, "signature"));
    openssl::verify_signature(&certificate, USUAL, &data, &signature).unwrap();
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
    let certificate = octets(&signed, "certificate");
    assert_eq!(certificate, octets(&signed, "chosen"));
    let (data, signature) = (octets(&signed, "document"), octets(&signed, "signature"));
    openssl::verify_signature(&certificate, USUAL, &data, &signature).unwrap();
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

    for flow in ["authentication", "signature", "certificate"] {
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

/// The client's error is this one by its name; its text may be anything.
fn assert_names(error: &str, name: &str) {
    assert!(error.contains(name), "{error} is not {name}");
}
