//! Relying parties whose clients speak version 2.

use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::relying_party::{Target, Wish, shown_with_pin};
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig, WRONG_PIN};

const HASHES: [u16; 3] = [256, 384, 512];

#[test]
fn s110_signature_over_a_hash() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let old = rig.relying_party.v2();
    for (target, bits) in targets(&document).iter().cycle().zip(HASHES) {
        let asked = old.ask(
            Wish::Signature,
            target,
            bits,
            &shown_with_pin("Sign the contract?"),
        );
        // The device has the code from the hash itself: nobody told it.
        let shown = rig.device.wait_for(&asked.verification_code);
        assert_eq!(shown["purpose"], "signing");
        assert_eq!(shown["text"], "Sign the contract?");
        let id = shown["id"].as_str().unwrap();
        rig.device.approve(id, PIN2).must_be(code::DONE);

        let status = old.wait(&asked.session, SOON);
        let trust = rig.service.folder().trust();
        let proven = asked.verify(&status, &trust).unwrap();
        assert_eq!(proven.document_number, document);
        assert_eq!(status["interactionFlowUsed"], "displayTextAndPIN");
    }
}

#[test]
fn s111_login_over_a_hash_and_the_person_is_told_what_it_does_not_bind() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let old = rig.relying_party.v2();
    for (target, bits) in targets(&document).iter().cycle().zip(HASHES) {
        let asked = old.ask(Wish::Login, target, bits, &shown_with_pin("Log in?"));
        let shown = rig.device.wait_for(&asked.verification_code);
        assert_eq!(shown["purpose"], "authentication");
        assert_eq!(shown["relyingPartyName"], "DEMO");
        assert_eq!(shown["digest"]["hash"], format!("SHA-{bits}"));
        let id = shown["id"].as_str().unwrap();
        let said = rig
            .device
            .cli
            .run(&["approve", id, "--pin-stdin"], &[PIN1])
            .must_be(code::DONE);
        assert!(said.out.contains("An older kind of login"), "{}", said.out);

        let status = old.wait(&asked.session, SOON);
        let trust = rig.service.folder().trust();
        let proven = asked.verify(&status, &trust).unwrap();
        assert_eq!(proven.document_number, document);
    }
    let history = rig.device.cli.run(&["history"], &[]).must_be(code::DONE);
    assert!(
        history.out.contains("older kind of login"),
        "{}",
        history.out
    );
    // What is not over a hash is not said to be.
    let login = rig.log_in(&document);
    assert_eq!(login.document_number, document);
    let history = rig.device.cli.run(&["history"], &[]).must_be(code::DONE);
    assert_eq!(history.out.matches("older kind of login").count(), 3);
}

#[test]
fn s112_what_does_not_end_well_is_told_in_the_words_of_version_2() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let old = rig.relying_party.v2();
    let target = Target::Document(document.clone());
    for (interactions, word) in [
        (shown_with_pin("Log in?"), "USER_REFUSED_DISPLAYTEXTANDPIN"),
        (
            json!([{"type": "confirmationMessage", "displayText200": "Log in?"}]),
            "USER_REFUSED_CONFIRMATIONMESSAGE",
        ),
    ] {
        let asked = old.ask(Wish::Login, &target, 512, &interactions);
        let id = rig.device.id_of(&asked.verification_code);
        rig.device.refuse(&id).must_be(code::DONE);
        let status = old.wait(&asked.session, SOON);
        let expected = json!({"state": "COMPLETE", "result": {"endResult": word}});
        assert_eq!(status, expected);
    }

    let body = old.body(b"x", 512, &shown_with_pin("Log in?"));
    let nobody = old.post("authentication/etsi/PNOEE-50001029996", &body);
    let expected = json!({"code": 404, "message": "Not Found"});
    assert_eq!(nobody.must_be(404), expected);

    // A session of one version is unknown to the other.
    let asked = old.ask(Wish::Login, &target, 512, &shown_with_pin("Log in?"));
    let poll = format!("session/{}", asked.session);
    rig.relying_party.get(&poll).must_be(404);
    let id = rig.device.id_of(&asked.verification_code);
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    old.wait(&asked.session, SOON);
}

#[test]
fn s113_the_choice_of_codes_without_a_message() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let old = rig.relying_party.v2();
    let target = Target::Document(document);
    let interactions = json!([{"type": "verificationCodeChoice", "displayText60": "Log in?"}]);
    let asked = old.ask(Wish::Login, &target, 512, &interactions);
    let right = &asked.verification_code;
    let shown = rig.device.wait_for_choice_with(right);
    // The code could be computed from it.
    assert_eq!(shown["digest"], Value::Null);
    assert_eq!(shown["isBareLogin"], true);
    let id = shown["id"].as_str().unwrap();
    rig.device
        .approve_with_code(id, right, PIN1)
        .must_be(code::DONE);
    let status = old.wait(&asked.session, SOON);
    asked
        .verify(&status, &rig.service.folder().trust())
        .unwrap();
    assert_eq!(status["interactionFlowUsed"], "verificationCodeChoice");

    let asked = old.ask(Wish::Login, &target, 512, &interactions);
    let right = &asked.verification_code;
    let shown = rig.device.wait_for_choice_with(right);
    let id = shown["id"].as_str().unwrap();
    let codes = shown["codeChoice"].as_array().unwrap();
    let wrong = codes.iter().find(|code| *code != right).unwrap();
    let said = rig
        .device
        .approve_with_code(id, wrong.as_str().unwrap(), PIN1);
    assert_ne!(said.code, code::DONE);
    let status = old.wait(&asked.session, SOON);
    let expected = json!({"state": "COMPLETE", "result": {"endResult": "WRONG_VC"}});
    assert_eq!(status, expected);

    // Refused at once, and after the right pick, where the PIN is asked for.
    for (picks, word) in [
        (false, "USER_REFUSED_VC_CHOICE"),
        (true, "USER_REFUSED_DISPLAYTEXTANDPIN"),
    ] {
        let asked = old.ask(Wish::Login, &target, 512, &interactions);
        let right = &asked.verification_code;
        let shown = rig.device.wait_for_choice_with(right);
        let id = shown["id"].as_str().unwrap();
        if picks {
            let said = rig.device.approve_with_code(id, right, WRONG_PIN);
            said.must_be(code::WRONG_PIN);
        }
        rig.device.refuse(id).must_be(code::DONE);
        let status = old.wait(&asked.session, SOON);
        assert_eq!(status["result"]["endResult"], word);
    }
}

#[test]
fn s114_the_certificate_is_chosen_and_then_signs() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let old = rig.relying_party.v2();
    let target = Target::Person(PERSON.into());
    let session = old.choose_certificate(&target);
    let id = only_pending(&rig);
    rig.device
        .cli
        .json(&["approve", &id, "--consent"], &[])
        .must_be(code::DONE);
    let status = old.wait(&session, SOON);
    assert_eq!(status["result"]["endResult"], "OK");
    assert_eq!(status["signature"], Value::Null);
    let chosen = status["result"]["documentNumber"].as_str().unwrap();
    assert_eq!(chosen, document);

    let by_document = Target::Document(chosen.into());
    let interactions = shown_with_pin("Sign?");
    let asked = old.ask(Wish::Signature, &by_document, 256, &interactions);
    let id = rig.device.id_of(&asked.verification_code);
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let signed = old.wait(&asked.session, SOON);
    asked
        .verify(&signed, &rig.service.folder().trust())
        .unwrap();
    assert_eq!(signed["cert"], status["cert"]);

    let session = old.choose_certificate(&by_document);
    let id = only_pending(&rig);
    rig.device.refuse(&id).must_be(code::DONE);
    let expected = json!({
        "state": "COMPLETE",
        "result": {"endResult": "USER_REFUSED_CERT_CHOICE"}
    });
    assert_eq!(old.wait(&session, SOON), expected);
}

/// What waits, where nothing tells it by a code.
fn only_pending(rig: &Rig) -> String {
    let id = |shown: &Value| shown["id"].as_str().unwrap().to_owned();
    eventually("a request", SOON, || rig.device.pending().first().map(id))
}

fn targets(document: &str) -> [Target; 2] {
    [
        Target::Person(PERSON.into()),
        Target::Document(document.into()),
    ]
}
