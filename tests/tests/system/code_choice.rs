//! A choice of three verification codes before the PIN: whoever approves blindly is found out.

use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::eventually::SOON;
use symbolon_tests::relying_party::{Login, Target, shown_with_choice};
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig, USUAL};
use symbolon_tests::service::SCHEME;

const KIND: &str = "confirmationMessageAndVerificationCodeChoice";

fn log_in(rig: &Rig, target: &Target) -> Login {
    rig.relying_party
        .login_with(target, USUAL, &shown_with_choice("Log in?"))
}

/// One of the codes of a transaction that the relying party does not show.
fn wrong(transaction: &Value, right: &str) -> String {
    let codes = transaction["codeChoice"].as_array().unwrap();
    let wrong = codes.iter().find(|code| *code != right).unwrap();
    wrong.as_str().unwrap().to_owned()
}

#[test]
fn s100_the_right_code_and_then_the_pin() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let trust = rig.service.folder().trust();
    let target = Target::Document(document.clone());
    let login = log_in(&rig, &target);
    let right = &login.verification_code;
    let shown = rig.device.wait_for_choice_with(right);
    let id = shown["id"].as_str().unwrap();
    assert_eq!(shown["interaction"], KIND);
    assert_eq!(shown["codeChoice"].as_array().unwrap().len(), 3);
    assert_eq!(shown["verificationCode"], Value::Null);
    // However often it is asked for, nothing tells the right one from the others.
    assert_eq!(rig.device.pending()[0]["codeChoice"], shown["codeChoice"]);
    let history = rig.device.cli.json(&["history", &document], &[]);
    assert!(!history.must_be(code::DONE).out.contains(right.as_str()));

    rig.device
        .approve_with_code(id, right, PIN1)
        .must_be(code::DONE);
    let status = rig.relying_party.wait(&login.session, SOON);
    login.verify(&status, SCHEME, &trust).unwrap();
    assert_eq!(status["interactionTypeUsed"], KIND);
    let history = rig.device.cli.json(&["history", &document], &[]);
    assert!(history.must_be(code::DONE).out.contains(right.as_str()));

    let signing = rig.relying_party.sign_with(
        &target,
        USUAL,
        b"I owe you nothing.",
        &shown_with_choice("Sign?"),
    );
    let right = &signing.verification_code;
    let shown = rig.device.wait_for_choice_with(right);
    let id = shown["id"].as_str().unwrap();
    // A wrong PIN does not undo the choice.
    rig.device
        .approve_with_code(id, right, "90909")
        .must_be(code::WRONG_PIN);
    assert_eq!(rig.device.pending()[0]["verificationCode"], **right);
    rig.device.approve(id, PIN2).must_be(code::DONE);
    let status = rig.relying_party.wait(&signing.session, SOON);
    signing.verify(&status, &trust).unwrap();
}

#[test]
fn s101_a_wrong_code_ends_it_at_once_for_every_device() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let other = rig.another_device("other");
    rig.enrol(&other);
    let login = log_in(&rig, &Target::Person(PERSON.into()));
    let right = &login.verification_code;
    let on_other = other.wait_for_choice_with(right)["id"].clone();
    let on_other = on_other.as_str().unwrap();
    let shown = rig.device.wait_for_choice_with(right);
    let id = shown["id"].as_str().unwrap();
    let signals = rig.device.listener(None);

    let said = rig
        .device
        .approve_with_code(id, &wrong(&shown, right), PIN1)
        .must_be(code::FAILED);
    assert!(said.err.contains("the request is over"), "{said:?}");
    assert_eq!(rig.end_of(&login.session), "WRONG_VC");
    assert_eq!(
        signals.wait_for("Withdrawn"),
        format!("Withdrawn {id} wrongCode")
    );

    // There is no second pick, here or elsewhere, and no PIN was judged.
    let again = rig.device.approve_with_code(id, right, PIN1);
    again.must_be(code::NOT_FOUND);
    let elsewhere = other.approve_with_code(on_other, right, PIN1);
    elsewhere.must_be(code::NOT_FOUND);
    assert_eq!(
        rig.device.standing(&document, "pin1"),
        json!({"state": "open", "triesLeft": 3})
    );
    let history = rig.device.cli.json(&["history", &document], &[]).value();
    assert_eq!(history["entries"][0]["event"], "wrongCode");
}

#[test]
fn s102_without_the_code_no_pin_is_taken() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let login = log_in(&rig, &Target::Document(document.clone()));
    let shown = rig.device.wait_for_choice_with(&login.verification_code);
    let id = shown["id"].as_str().unwrap();
    let said = rig.device.approve(id, PIN1).must_be(code::USAGE);
    assert!(said.err.contains("--code"), "{said:?}");
    // A code that is not offered is a mistake or somebody else's request: it decides nothing.
    let stranger = (0..4).map(|number| format!("000{number}"));
    let codes = shown["codeChoice"].as_array().unwrap();
    let stranger = stranger
        .into_iter()
        .find(|code| !codes.iter().any(|offered| offered == code.as_str()));
    rig.device
        .approve_with_code(id, &stranger.unwrap(), PIN1)
        .must_be(code::REFUSED);
    assert!(rig.relying_party.is_running(&login.session));
    rig.device.refuse(id).must_be(code::DONE);
    let status = rig.relying_party.wait(&login.session, SOON);
    assert_eq!(status["result"]["endResult"], "USER_REFUSED_INTERACTION");
    assert_eq!(status["result"]["details"]["interaction"], KIND);
}
