//! A copied device, and what only looks like one.

use std::time::Duration;

use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::folder;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, Rig, USUAL, WRONG_PIN};
use symbolon_tests::service::SCHEME;

#[test]
fn s30_a_copied_device_closes_the_account_before_a_second_signature_exists() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device.copy_state(&rig.folder.sub("thief"));
    rig.log_in(&document);

    let thief = rig.another_device("thief");
    let login = rig
        .relying_party
        .login(&Target::Document(document.clone()), USUAL, "Log in?");
    let id = thief.id_of(&login.verification_code);
    thief.approve(&id, PIN1).must_be(code::CLOSED);
    let status = rig.relying_party.wait(&login.session, SOON);
    assert_eq!(status["result"]["endResult"], "DOCUMENT_UNUSABLE");
    assert!(status.get("signature").is_none());

    let account = rig.service.folder().account(&document);
    assert_eq!(account["closed"], "clone", "{account}");
    assert_eq!(account["certificatesRevoked"], 2, "{account}");
    until("the owner's device to learn of it", SOON, || {
        rig.device.standing(&document, "pin1")["state"] == "closed"
    });
}

#[test]
fn s31_a_thief_who_is_first_is_found_out_by_the_owner() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device.copy_state(&rig.folder.sub("thief"));
    let thief = rig.another_device("thief");
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = thief.id_of(&login.verification_code);
    thief.approve(&id, PIN1).must_be(code::DONE);

    rig.try_pin1(&document, PIN1).must_be(code::CLOSED);
    assert_eq!(rig.service.folder().account(&document)["closed"], "clone");
}

#[test]
fn s32_a_copy_with_a_wrong_pin_closes_nothing() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device.copy_state(&rig.folder.sub("thief"));
    rig.log_in(&document);
    let thief = rig.another_device("thief");
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = thief.id_of(&login.verification_code);
    thief.approve(&id, WRONG_PIN).must_be(code::WRONG_PIN);
    thief.refuse(&id).must_be(code::DONE);
    rig.log_in(&document);
}

#[test]
fn s33_a_repetition_after_a_lost_answer_is_no_clone() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    let begun = rig.device.cli.json(&["pending"], &[]);
    begun.must_be(code::DONE);

    rig.wire.deafen();
    let approving = std::thread::scope(|scope| {
        let approval = scope.spawn(|| rig.device.approve(&id, PIN1));
        // The service has completed the session, and the device has not heard of it.
        let status = rig.relying_party.wait(&login.session, SOON);
        login
            .verify(&status, SCHEME, &rig.service.folder().trust())
            .unwrap();
        rig.wire.cut();
        rig.wire.mend();
        approval.join().unwrap()
    });
    assert!(
        matches!(approving.code, code::DONE | code::SERVICE_UNREACHABLE),
        "{approving:?}"
    );
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);

    // The same with the daemon dead before it could repeat anything.
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.wire.deafen();
    std::thread::scope(|scope| {
        let device = &rig.device;
        scope.spawn(move || device.approve(&id, PIN1));
        rig.relying_party.wait(&login.session, SOON);
        rig.wire.cut();
        rustix::process::kill_process(rig.device.daemon.pid(), rustix::process::Signal::KILL)
            .unwrap();
    });
    rig.wire.mend();
    rig.device.restart_after_crash();
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
    assert!(rig.service.folder().account(&document)["closed"].is_null());
}

#[test]
fn s34_an_old_copy_of_the_daemons_folder_gives_no_more_tries() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let backup = rig.folder.sub("backup");
    folder::copy(&rig.device.daemon.state(), &backup);
    for _ in 0..2 {
        rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
    }
    rig.device.daemon.stop();
    folder::restore(&backup, &rig.device.daemon.state());
    rig.device.daemon.restart();
    rig.device.wait_until_connected(&document);
    let verdict = rig.try_pin1(&document, WRONG_PIN).must_be(code::LOCKED);
    let seconds = verdict.value()["remainingSeconds"].as_u64().unwrap();
    assert!(Duration::from_secs(seconds) > Duration::from_secs(10_000));
}
