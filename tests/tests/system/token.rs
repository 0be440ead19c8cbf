//! A device whose shares are on a PKCS#11 token, and whose PINs the service judges.

use std::time::Duration;

use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::folder;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, USUAL, WRONG_PIN};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(30);

/// A rig with a token, with an account on it.
fn rig() -> Option<(Rig, String)> {
    Plan::default().token().start().map(Rig::with_account)
}

fn assert_tries_left(rig: &Rig, document: &str, tries: u32) {
    assert_eq!(
        rig.device.standing(document, "pin1"),
        json!({"state": "open", "triesLeft": tries})
    );
}

#[test]
fn s130_a_login_and_a_signature_on_a_token() {
    let Some((rig, document)) = rig() else {
        return;
    };
    rig.log_in(&document);
    let target = Target::Document(document.clone());
    let signing = rig
        .relying_party
        .sign(&target, USUAL, b"a document", "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let status = rig.relying_party.wait(&signing.session, ANSWER);
    signing
        .verify(&status, &rig.service.folder().trust())
        .unwrap();
    let doctor = rig.device.cli.run(&["doctor"], &[]);
    assert!(
        doctor.out.contains("service"),
        "doctor says who judges the PINs: {doctor:?}"
    );
}

#[test]
fn s131_the_ladder_on_a_token() {
    let plan = Plan::default().token().moved_clock();
    let Some((mut rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    for (until_released, what) in [(3 * HOUR, "three hours"), (24 * HOUR, "a day")] {
        for _ in 0..2 {
            rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
        }
        rig.try_pin1(&document, WRONG_PIN).must_be(code::LOCKED);
        let target = Target::Document(document.clone());
        let login = rig.relying_party.login(&target, USUAL, "Log in?");
        assert_eq!(rig.end_of(&login.session), "DOCUMENT_UNUSABLE", "{what}");
        rig.service.clock().advance(until_released + MINUTE);
    }
    for _ in 0..2 {
        rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    rig.try_pin1(&document, WRONG_PIN).must_be(code::CLOSED);
    let account = rig.service.folder().account(&document);
    assert_eq!(account["closed"], "lockout", "{account}");
}

#[test]
fn s132_a_right_pin_clears_its_count_on_a_token_too() {
    let plan = Plan::default().token().moved_clock();
    let Some((mut rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    for _ in 0..2 {
        for _ in 0..2 {
            rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
        }
        assert_tries_left(&rig, &document, 1);
        rig.log_in(&document);
        assert_tries_left(&rig, &document, 3);
    }
    // After a lock as well: the ladder begins anew.
    for _ in 0..3 {
        rig.try_pin1(&document, WRONG_PIN);
    }
    rig.service.clock().advance(3 * HOUR + MINUTE);
    rig.log_in(&document);
    assert_tries_left(&rig, &document, 3);
}

#[test]
fn s133_a_changed_pin_is_the_only_one_that_counts_on_a_token() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let change = |old: &str, new: &str| {
        let arguments = ["pin", "change", "pin1", &document, "--pins-stdin"];
        rig.device.cli.json(&arguments, &[old, new])
    };
    change(WRONG_PIN, "7294").must_be(code::WRONG_PIN);
    assert_tries_left(&rig, &document, 2);
    change(PIN1, "7294").must_be(code::DONE);
    rig.try_pin1(&document, PIN1).must_be(code::WRONG_PIN);
    rig.try_pin1(&document, "7294").must_be(code::DONE);
    assert_tries_left(&rig, &document, 3);
}

#[test]
fn s134_a_token_that_was_set_back_gains_no_tries() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let tokens = rig.device.folder().join("token");
    let copy = rig.folder.sub("token-copy");
    folder::copy(&tokens, &copy);
    for _ in 0..2 {
        rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    rig.device.daemon.kill9();
    folder::restore(&copy, &tokens);
    rig.device.daemon.restart();
    rig.device.wait_until_connected(&document);

    // Whatever is answered to an entry that nobody judges: one try is left, not three.
    for _ in 0..2 {
        if rig.try_pin1(&document, WRONG_PIN).code == code::LOCKED {
            break;
        }
    }
    let standing = rig.device.standing(&document, "pin1");
    assert_eq!(standing["state"], "locked", "{standing}");
}

#[test]
fn s135_a_deleted_account_leaves_no_share_on_the_token() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let arguments = ["delete", &document, "--yes"];
    rig.device.cli.run(&arguments, &[]).must_be(code::DONE);
    let account = rig.service.folder().account(&document);
    assert_eq!(account["closed"], "owner", "{account}");
    // What was on it is gone, so another account finds an orderly token.
    let document = rig.enrol(&rig.device);
    rig.log_in(&document);
}

#[test]
fn s138_a_deleted_account_and_a_refused_enrolment_leave_no_key_on_the_token() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let token = rig.device.token();
    let of_one_account = token.objects();
    assert!(of_one_account > 0);
    let refused = rig.device.enrol("0000-0000-0000", PIN1, PIN2);
    assert_ne!(refused.code, code::DONE, "{refused:?}");
    assert_eq!(token.objects(), of_one_account);

    // The service has closed the account already, and is not there to say so again.
    let account = &rig.service.folder();
    account.must(&["account", "close", &document]);
    until(
        "the device to know that the account is closed",
        SOON,
        || rig.device.standing(&document, "pin1")["state"] == "closed",
    );
    rig.wire.cut();
    let arguments = ["delete", &document, "--yes"];
    rig.device.cli.run(&arguments, &[]).must_be(code::DONE);
    assert_eq!(token.objects(), 0);
}
