//! Other users of the machine, and other machines on the network.

use serde_json::json;
use symbolon_tests::cli::{Cli, Said, code};
use symbolon_tests::daemon::SERVICE_NAME;
use symbolon_tests::process::Somebody;
use symbolon_tests::raw_tls::{self, ClientKey};
use symbolon_tests::relying_party::Target;
use symbolon_tests::requirements;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig, USUAL};

// Users that every system has: a bus knows nobody who is not in its list of users.
const OWNER: u32 = 1;
const STRANGER: u32 = 2;

/// The command line by another user of this machine; only root can be somebody else.
fn by(rig: &Rig, uid: u32) -> Cli {
    let folder = rig.folder.sub(&format!("user-{uid}"));
    rig.device.cli.by(Somebody::alone(uid), &folder)
}

#[test]
fn s50_another_user_neither_sees_nor_approves() {
    if !requirements::is_root("try what other users can do") {
        return;
    }
    let Some(rig) = Rig::start() else { return };
    rig.folder.let_others_through();
    let owner = by(&rig, OWNER);
    let stranger = by(&rig, STRANGER);

    let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    let arguments = ["enrol", "--service", SERVICE_NAME, "--secrets-stdin"];
    let enrolled = owner.json(&arguments, &[&code, PIN1, PIN2]);
    let document = enrolled.must_be(code::DONE).value()["documentNumber"]
        .as_str()
        .unwrap()
        .to_owned();
    rig.device.wait_until_connected(&document);
    let overheard = rig.device.listener(Some(&Somebody::alone(STRANGER)));
    let heard = rig.device.listener(Some(&Somebody::alone(OWNER)));

    let login = rig
        .relying_party
        .login(&Target::Document(document.clone()), USUAL, "Log in?");
    let offered = heard.wait_for("Offered");
    let id = offered.strip_prefix("Offered ").unwrap();

    for (what, empty) in [("accounts", "accounts"), ("pending", "transactions")] {
        let seen = stranger.json(&[what], &[]).must_be(code::DONE).value();
        assert_eq!(seen[empty], json!([]), "{what}");
    }
    let refused = |said: Said| {
        assert!(
            matches!(said.code, code::NOT_FOUND | code::NOT_AUTHORISED),
            "{said:?}"
        );
        assert!(!said.out.contains(PERSON) && !said.err.contains("MAASIKAS"));
    };
    refused(stranger.run(&["approve", id, "--pin-stdin"], &[PIN1]));
    refused(stranger.run(&["refuse", id], &[]));
    refused(stranger.run(&["history", &document], &[]));
    refused(stranger.run(&["delete", &document, "--yes"], &[]));
    refused(stranger.run(
        &["pin", "change", "pin1", &document, "--pins-stdin"],
        &[PIN1, "7294"],
    ));
    assert!(rig.relying_party.is_running(&login.session));

    // Root may look, and may not approve in a person's name.
    assert_eq!(rig.device.pending().len(), 1);
    refused(rig.device.approve(id, PIN1));

    owner
        .run(&["approve", id, "--pin-stdin"], &[PIN1])
        .must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    heard.wait_for("Withdrawn");
    assert_eq!(overheard.signals(), Vec::<String>::new());
}

#[test]
fn s51_a_device_that_is_not_enrolled_learns_nothing() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let at = rig.service.device_address();
    let root = rig.service.folder().trust().root;
    let key = ClientKey::make(&rig.folder.sub("foreign"));
    let answer = raw_tls::get(at, &root, Some(&key), "/device/v1/transactions");
    assert_eq!(answer.status, Some(401), "{answer:?}");
    assert!(!answer.body.contains(PERSON));
    let answer = raw_tls::get(at, &root, Some(&key), "/device/v1/account");
    assert_eq!(answer.status, Some(401), "{answer:?}");

    let answer = raw_tls::get(at, &root, None, "/device/v1/transactions");
    assert_eq!(answer.status, None, "no certificate, no answer: {answer:?}");
}

#[test]
fn s52_an_enrolment_code_works_once_and_a_guess_does_not() {
    let Some(rig) = Rig::start() else { return };
    let said = rig.device.enrol("AAAA-BBBB-CCCC", PIN1, PIN2);
    assert_ne!(said.code, code::DONE, "{said:?}");
    let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    rig.device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
    let said = rig.device.enrol(&code, PIN1, PIN2);
    assert_ne!(said.code, code::DONE, "{said:?}");
    let accounts = rig.device.cli.json(&["accounts"], &[]).value();
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1);
}

#[test]
fn s53_poor_pins_are_refused_before_anything_is_made() {
    let Some(rig) = Rig::start() else { return };
    let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    for (pin1, pin2) in [
        ("1111", PIN2),
        ("1234", PIN2),
        ("0303", PIN2),
        (PIN1, "15937"),
        (PIN1, "1593"),
        ("159", PIN2),
    ] {
        rig.device.enrol(&code, pin1, pin2).must_be(code::REFUSED);
    }
    // The code was not spent on them.
    rig.device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
}
