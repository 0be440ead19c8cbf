//! Three wrong PINs, three more, three more.

use std::time::Duration;

use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, USUAL, WRONG_PIN};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A rig whose service's clock can be moved, with an account.
fn rig() -> Option<(Rig, String)> {
    Plan::default().moved_clock().start().map(Rig::with_account)
}

/// Three wrong PINs for one login; answers with the seconds that the lock is said to last.
fn lock(rig: &Rig, document: &str) -> u64 {
    let target = Target::Document(document.into());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    for left in [2, 1] {
        let verdict = rig.device.approve(&id, WRONG_PIN).must_be(code::WRONG_PIN);
        assert_eq!(
            verdict.value(),
            json!({"outcome": "wrongPin", "triesLeft": left})
        );
    }
    let verdict = rig.device.approve(&id, WRONG_PIN).must_be(code::LOCKED);
    assert_eq!(verdict.value()["outcome"], "locked");
    verdict.value()["remainingSeconds"].as_u64().unwrap()
}

/// The login that runs while an account is locked ends so.
fn assert_locked_out(rig: &Rig, document: &str) {
    let target = Target::Document(document.into());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    assert_eq!(rig.end_of(&login.session), "DOCUMENT_UNUSABLE");
}

fn assert_about(seconds: u64, expected: Duration) {
    let expected = expected.as_secs();
    assert!(
        (expected - 120..=expected).contains(&seconds),
        "{seconds} s, not about {expected} s"
    );
}

#[test]
fn s20_three_wrong_pins_lock_for_three_hours() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    assert_about(lock(&rig, &document), 3 * HOUR);
    assert_locked_out(&rig, &document);

    rig.service.clock().advance(3 * HOUR - 2 * MINUTE);
    assert_locked_out(&rig, &document);
    let standing = rig.device.standing(&document, "pin1");
    assert_eq!(standing["state"], "locked", "{standing}");

    rig.service.clock().advance(3 * MINUTE);
    rig.log_in(&document);
}

#[test]
fn s21_the_ladder_three_hours_then_a_day_then_for_good() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    assert_about(lock(&rig, &document), 3 * HOUR);
    rig.service.clock().advance(3 * HOUR + MINUTE);
    assert_about(lock(&rig, &document), 24 * HOUR);
    rig.service.clock().advance(3 * HOUR + MINUTE);
    assert_locked_out(&rig, &document);
    rig.service.clock().advance(21 * HOUR);

    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    for _ in 0..2 {
        rig.device.approve(&id, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    let verdict = rig.device.approve(&id, WRONG_PIN).must_be(code::CLOSED);
    assert_eq!(verdict.value()["outcome"], "closed");
    assert_eq!(rig.end_of(&login.session), "DOCUMENT_UNUSABLE");

    // No later time brings it back, and the store says that the certificates are revoked.
    rig.service.clock().advance(30 * 24 * HOUR);
    let path = format!("authentication/notification/document/{document}");
    let body = rig
        .relying_party
        .login_body(USUAL, &symbolon_tests::relying_party::shown_with_pin("x"));
    assert_eq!(rig.relying_party.post(&path, &body).status, 404);
    let account = rig.service.folder().account(&document);
    assert_eq!(account["closed"], "lockout", "{account}");
    assert_eq!(account["certificatesRevoked"], 2, "{account}");
}

#[test]
fn s22_a_right_pin_clears_its_own_count() {
    let Some((rig, document)) = rig() else {
        return;
    };
    for _ in 0..3 {
        for _ in 0..2 {
            rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
        }
        rig.try_pin1(&document, PIN1).must_be(code::DONE);
        assert_eq!(
            rig.device.standing(&document, "pin1"),
            json!({"state": "open", "triesLeft": 3})
        );
    }
}

#[test]
fn s23_a_right_pin_leaves_the_other_pins_count_alone() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let target = Target::Document(document.clone());
    let signing = rig.relying_party.sign(&target, USUAL, b"x", "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    for _ in 0..2 {
        rig.device.approve(&id, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    rig.device.refuse(&id).must_be(code::DONE);
    rig.log_in(&document);
    assert_eq!(
        rig.device.standing(&document, "pin2"),
        json!({"state": "open", "triesLeft": 1})
    );
}

#[test]
fn s24_a_lock_of_one_pin_locks_the_account() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let target = Target::Document(document.clone());
    let signing = rig.relying_party.sign(&target, USUAL, b"x", "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    // The signature's turn is over: the login is shown beside it.
    rig.service.clock().advance(Duration::from_secs(31));
    lock(&rig, &document);
    let verdict = rig.device.approve(&id, PIN2);
    assert!(
        matches!(verdict.code, code::LOCKED | code::NOT_FOUND),
        "{verdict:?}"
    );
    assert_eq!(rig.end_of(&signing.session), "DOCUMENT_UNUSABLE");
    let signing = rig.relying_party.sign(&target, USUAL, b"x", "Sign?");
    assert_eq!(rig.end_of(&signing.session), "DOCUMENT_UNUSABLE");
    assert_eq!(
        rig.relying_party.certificate(&document).must_be(200),
        json!({"state": "DOCUMENT_UNUSABLE"})
    );

    rig.service.clock().advance(3 * HOUR + MINUTE);
    let signing = rig.relying_party.sign(&target, USUAL, b"x", "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    assert_eq!(rig.end_of(&signing.session), "OK");
}

#[test]
fn s25_a_lock_outlives_the_death_of_every_process() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    lock(&rig, &document);
    rig.device.daemon.kill9();
    rig.device.swtpm.restart();
    rig.service.restart();
    rig.device.daemon.restart();
    rig.device.wait_until_connected(&document);
    assert_locked_out(&rig, &document);
    rig.service.clock().advance(3 * HOUR + MINUTE);
    rig.log_in(&document);
}

#[test]
fn s26_after_a_release_and_a_right_pin_the_ladder_begins_anew() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    lock(&rig, &document);
    rig.service.clock().advance(3 * HOUR + MINUTE);
    rig.log_in(&document);
    assert_eq!(
        rig.device.standing(&document, "pin1"),
        json!({"state": "open", "triesLeft": 3})
    );
    assert_about(lock(&rig, &document), 3 * HOUR);
}

#[test]
fn s27_a_changed_pin_is_the_only_one_that_counts() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let change = |old: &str, new: &str| {
        let arguments = ["pin", "change", "pin1", &document, "--pins-stdin"];
        rig.device.cli.json(&arguments, &[old, new])
    };
    change(PIN1, "1111").must_be(code::REFUSED);
    change(WRONG_PIN, "7294").must_be(code::WRONG_PIN);
    assert_eq!(
        rig.device.standing(&document, "pin1"),
        json!({"state": "open", "triesLeft": 2})
    );
    change(PIN1, "7294").must_be(code::DONE);
    rig.try_pin1(&document, PIN1).must_be(code::WRONG_PIN);
    rig.try_pin1(&document, "7294").must_be(code::DONE);
}

#[test]
fn s28_three_wrong_old_pins_lock_as_well() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let arguments = ["pin", "change", "pin2", &document, "--pins-stdin"];
    let change = || rig.device.cli.json(&arguments, &[WRONG_PIN, "90417"]);
    change().must_be(code::WRONG_PIN);
    change().must_be(code::WRONG_PIN);
    let verdict = change().must_be(code::LOCKED);
    assert_about(
        verdict.value()["remainingSeconds"].as_u64().unwrap(),
        3 * HOUR,
    );
    assert_locked_out(&rig, &document);
}
