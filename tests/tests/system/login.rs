//! Logins and signatures as people know them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::openssl;
use symbolon_tests::relying_party::{Algorithm, Target};
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig, USUAL};
use symbolon_tests::service::SCHEME;

#[test]
fn s01_login_by_identifier() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let login = rig
        .relying_party
        .login(&Target::Person(PERSON.into()), USUAL, "Log in?");
    assert!(rig.relying_party.is_running(&login.session));
    let shown = rig.device.wait_for(&login.verification_code);
    assert_eq!(shown["relyingPartyName"], "DEMO");
    assert_eq!(shown["text"], "Log in?");
    assert_eq!(shown["purpose"], "authentication");

    let id = shown["id"].as_str().unwrap();
    let verdict = rig.device.approve(id, PIN1).must_be(code::DONE).value();
    assert_eq!(verdict["outcome"], "accepted");

    let status = rig.relying_party.wait(&login.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = login.verify(&status, SCHEME, &trust).unwrap();
    assert_eq!(proven.document_number, document);
    let certificate = openssl::describe(&proven.certificate).unwrap();
    assert!(certificate.contains(PERSON), "{certificate}");
    assert!(certificate.contains("MAASIKAS"), "{certificate}");
    assert!(rig.device.pending().is_empty());
}

#[test]
fn s02_login_by_document_number() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let first = rig.log_in(&document);
    let second = rig.log_in(&document);
    assert_eq!(first.document_number, document);
    assert_eq!(first.certificate, second.certificate);
    assert_ne!(first.signature, second.signature);
}

#[test]
fn s03_signature_by_identifier_and_by_document_number() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let announced = rig.relying_party.certificate(&document).must_be(200);
    let announced = STANDARD
        .decode(announced["cert"]["value"].as_str().unwrap())
        .unwrap();
    for target in [
        Target::Person(PERSON.into()),
        Target::Document(document.clone()),
    ] {
        let contract = b"I owe you nothing.";
        let signing = rig
            .relying_party
            .sign(&target, USUAL, contract, "Sign the contract?");
        let shown = rig.device.wait_for(&signing.verification_code);
        assert_eq!(shown["purpose"], "signing");
        assert_eq!(
            shown["digest"]["value"].as_str().unwrap().len(),
            2 * 64,
            "the digest is shown to those who compare it"
        );
        let id = shown["id"].as_str().unwrap();
        rig.device.approve(id, PIN2).must_be(code::DONE);

        let status = rig.relying_party.wait(&signing.session, SOON);
        let trust = rig.service.folder().trust();
        let proven = signing.verify(&status, &trust).unwrap();
        assert_eq!(proven.document_number, document);
        assert_eq!(proven.certificate, announced);
    }
}

#[test]
fn s04_every_encoding_for_logins_and_signatures() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let target = Target::Document(document);
    let trust = rig.service.folder().trust();
    for algorithm in Algorithm::ALL {
        let login = rig.relying_party.login(&target, algorithm, "Log in?");
        let id = rig.device.id_of(&login.verification_code);
        rig.device.approve(&id, PIN1).must_be(code::DONE);
        let status = rig.relying_party.wait(&login.session, SOON);
        login
            .verify(&status, SCHEME, &trust)
            .unwrap_or_else(|error| panic!("login with {algorithm:?}: {error}"));

        let signing = rig
            .relying_party
            .sign(&target, algorithm, b"a document", "Sign?");
        let id = rig.device.id_of(&signing.verification_code);
        rig.device.approve(&id, PIN2).must_be(code::DONE);
        let status = rig.relying_party.wait(&signing.session, SOON);
        signing
            .verify(&status, &trust)
            .unwrap_or_else(|error| panic!("signature with {algorithm:?}: {error}"));
    }
}

#[test]
fn s05_two_devices_of_one_person_and_the_first_answer_wins() {
    let Some((rig, first)) = Rig::enrolled() else {
        return;
    };
    let other = rig.another_device("other");
    let second = rig.enrol(&other);
    assert_ne!(first, second);
    let left_over = rig.device.listener(None);

    let login = rig
        .relying_party
        .login(&Target::Person(PERSON.into()), USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    let on_other = other.id_of(&login.verification_code);
    other.approve(&on_other, PIN1).must_be(code::DONE);

    let status = rig.relying_party.wait(&login.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = login.verify(&status, SCHEME, &trust).unwrap();
    assert_eq!(proven.document_number, second);
    assert_eq!(
        left_over.wait_for("Withdrawn"),
        format!("Withdrawn {id} answeredElsewhere")
    );
    assert!(rig.device.pending().is_empty());
    rig.device.approve(&id, PIN1).must_be(code::NOT_FOUND);
    assert_eq!(
        rig.device.standing(&first, "pin1"),
        json!({"state": "open", "triesLeft": 3})
    );

    // A request for one document reaches that device alone.
    let login = rig
        .relying_party
        .login(&Target::Document(first), USUAL, "Log in here?");
    rig.device.wait_for(&login.verification_code);
    assert!(other.pending().is_empty());
}

#[test]
fn s06_refusal() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let login = rig
        .relying_party
        .login(&Target::Document(document.clone()), USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.refuse(&id).must_be(code::DONE);

    let status = rig.relying_party.wait(&login.session, SOON);
    assert_eq!(status["result"]["endResult"], "USER_REFUSED_INTERACTION");
    assert_eq!(
        status["result"]["details"]["interaction"],
        "displayTextAndPIN"
    );
    assert!(status.get("signature").is_none());
    rig.device.approve(&id, PIN1).must_be(code::NOT_FOUND);
    rig.log_in(&document);
}

#[test]
fn s07_timeout() {
    let plan = Plan::default().session_lifetime(Duration::from_secs(2));
    let Some((rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    let listener = rig.device.listener(None);
    let login = rig
        .relying_party
        .login(&Target::Document(document), USUAL, "Log in?");
    let offered = listener.wait_for("Offered");
    let id = offered.strip_prefix("Offered ").unwrap();

    let status = rig.relying_party.wait(&login.session, SOON);
    assert_eq!(status["result"]["endResult"], "TIMEOUT");
    assert_eq!(
        listener.wait_for("Withdrawn"),
        format!("Withdrawn {id} expired")
    );
    assert!(rig.device.pending().is_empty());
    rig.device.approve(id, PIN1).must_be(code::NOT_FOUND);
}

#[test]
fn s08_what_came_while_the_device_was_away_waits_in_the_pending_list() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device.daemon.stop();
    let login = rig
        .relying_party
        .login(&Target::Document(document), USUAL, "Log in?");
    rig.device.daemon.restart();
    // The list is asked of the service, whether or not anything was pushed.
    let id = rig.device.id_of(&login.verification_code);
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
}

#[test]
fn s09_text_of_a_relying_party_is_shown_as_text() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let hostile = "<b>Pay</b> &amp;\u{202e}1000\u{2066} EUR\u{7}\u{1b}[2J\r\nCode 0000\u{200b}";
    let login = rig.relying_party.login_with(
        &Target::Document(document.clone()),
        USUAL,
        &json!([{"type": "confirmationMessage", "displayText200": hostile}]),
    );
    let shown = rig.device.wait_for(&login.verification_code);
    let text = shown["text"].as_str().unwrap();
    assert!(text.contains("<b>Pay</b> &amp;"), "markup is text: {text}");
    assert!(
        !text.chars().any(|letter| letter.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&letter)
            || ('\u{2066}'..='\u{2069}').contains(&letter)
            || letter == '\u{200b}'),
        "{text:?}"
    );
    // The signature is over what the relying party sent, not over what was left of it.
    let id = shown["id"].as_str().unwrap();
    let people = rig.device.cli.run(&["pending"], &[]).must_be(code::DONE);
    assert!(!people.out.contains('\u{1b}'), "{:?}", people.out);
    rig.device.approve(id, PIN1).must_be(code::DONE);
    let status = rig.relying_party.wait(&login.session, SOON);
    login
        .verify(&status, SCHEME, &rig.service.folder().trust())
        .unwrap();
}

#[test]
fn s10_a_transaction_is_pushed_to_who_listens() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let listener = rig.device.listener(None);
    let login = rig
        .relying_party
        .login(&Target::Document(document), USUAL, "Log in?");
    let offered = listener.wait_for("Offered");
    let id = offered.strip_prefix("Offered ").unwrap();
    rig.device.approve(id, PIN1).must_be(code::DONE);
    assert_eq!(
        listener.wait_for("Withdrawn"),
        format!("Withdrawn {id} approved")
    );
    assert_eq!(rig.end_of(&login.session), "OK");
}

#[test]
fn s11_a_relying_party_is_told_what_is_wrong_with_its_request() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let path = format!("authentication/notification/document/{document}");
    let good = rig
        .relying_party
        .login_body(USUAL, &symbolon_tests::relying_party::shown_with_pin("x"));

    let nobody = "authentication/notification/etsi/PNOEE-40504040001";
    assert_eq!(rig.relying_party.post(nobody, &good).status, 404);

    let mut stranger = good.clone();
    stranger["relyingPartyUUID"] = "11111111-1111-4111-8111-111111111111".into();
    let refused = rig.relying_party.post(&path, &stranger);
    assert!(matches!(refused.status, 401 | 403), "{refused:?}");

    let mut short = good.clone();
    short["signatureProtocolParameters"]["rpChallenge"] = "YWJj".into();
    let refused = rig.relying_party.post(&path, &short);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["status"], 400, "RFC 9457: {refused:?}");

    assert_eq!(
        rig.relying_party
            .get("session/22222222-2222-4222-8222-222222222222")
            .status,
        404
    );
    until("nothing was offered", SOON, || {
        rig.device.pending().is_empty()
    });
}

#[test]
fn s12_deleting_an_account_ends_it_on_both_sides() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device
        .cli
        .run(&["delete", &document, "--yes"], &[])
        .must_be(code::DONE);
    let path = format!("authentication/notification/document/{document}");
    let body = rig
        .relying_party
        .login_body(USUAL, &symbolon_tests::relying_party::shown_with_pin("x"));
    assert_eq!(rig.relying_party.post(&path, &body).status, 404);
    let accounts = rig.device.cli.json(&["accounts"], &[]).value();
    assert_eq!(accounts["accounts"], json!([]));
}

#[test]
fn s13_history_tells_what_was_approved_and_refused() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.log_in(&document);
    let login = rig
        .relying_party
        .login(&Target::Document(document), USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.refuse(&id).must_be(code::DONE);
    let history = rig.device.cli.json(&["history"], &[]).must_be(code::DONE);
    let entries = history.value()["entries"].as_array().unwrap().clone();
    let events: Vec<_> = entries.iter().map(|entry| &entry["event"]).collect();
    assert_eq!(events, ["refused", "approved", "enrolled"]);
    assert_eq!(entries[0]["verificationCode"], login.verification_code);
}
