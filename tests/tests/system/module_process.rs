//! PKCS#11 modules that crash, hang or leave under a running service and a running daemon.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use symbolon_tests::cli::{Said, code};
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::obstinate::Obstinate;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, USUAL};

/// Longer than any deadline of a call here.
const HANG: Duration = Duration::from_secs(30);

/// Somebody else than the rig's usual person, who is shown one request at a time.
const ANOTHER: &str = "PNOLT-40504040001";

/// Logs in as soon as that works again.
fn logs_in_again(rig: &Rig, document: &str) {
    let (login, id) = rig.ask_to_log_in(document);
    until("the token to be used again", SOON, || {
        rig.device.approve(&id, PIN1).code == code::DONE
            || !rig.relying_party.is_running(&login.session)
    });
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.assert_untouched(document);
}

fn metric(rig: &Rig, name: &str) -> u64 {
    let address = format!("http://{}/metrics", rig.service.relying_party_address());
    let mut answer = ureq::get(&address).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn s168_the_services_module_crashes_leaves_and_hangs() {
    let plan = Plan::default().obstinate_service();
    let Some((mut rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    let pid = rig.service.process().pid();
    let obstinate = Obstinate::before(rig.service.folder().token());

    // Once: nobody notices.
    obstinate.command("crash-once C_UnwrapKey");
    rig.log_in(&document);
    assert!(!obstinate.waits());
    let died = "symbolon_token_process_ends_total{reason=\"died\"}";
    assert_eq!(metric(&rig, died), 1);

    // Always, for whatever needs the share: told in time, and no try is gone.
    for command in ["crash C_UnwrapKey", "leave C_UnwrapKey"] {
        obstinate.command(command);
        let (login, id) = rig.ask_to_log_in(&document);
        let asked = Instant::now();
        let said = rig.device.approve(&id, PIN1);
        assert_ne!(said.code, code::WRONG_PIN, "{said:?}");
        assert!(asked.elapsed() < HANG);
        assert!(rig.relying_party.is_running(&login.session), "{command}");
        rig.assert_untouched(&document);
        obstinate.behave();
        // The device sends by itself what it has made.
        assert_eq!(rig.end_of(&login.session), "OK");
        logs_in_again(&rig, &document);
    }
    assert!(metric(&rig, died) >= 5);

    another_person_logs_in_while_a_call_hangs(&rig, &document, &obstinate);

    // For half a minute, in one call after the other.
    obstinate.command("hang C_UnwrapKey");
    let hung = "symbolon_token_process_ends_total{reason=\"hung\"}";
    let (login, id) = rig.ask_to_log_in(&document);
    thread::scope(|scope| {
        let approving = scope.spawn(|| -> Said { rig.device.approve(&id, PIN1) });
        let begun = Instant::now();
        while begun.elapsed() < HANG {
            rig.device.wait_until_connected(&document);
            assert!(rig.relying_party.is_running(&login.session));
            thread::sleep(Duration::from_millis(500));
        }
        let said = approving.join().unwrap();
        assert_ne!(said.code, code::WRONG_PIN, "{said:?}");
    });
    assert!(metric(&rig, hung) >= 1);
    rig.assert_untouched(&document);
    obstinate.behave();
    assert_eq!(rig.end_of(&login.session), "OK");
    logs_in_again(&rig, &document);
    assert_eq!(rig.service.process().pid(), pid, "the service never ended");
}

/// One call hangs: its caller is told, and another person's login is none the worse for it.
fn another_person_logs_in_while_a_call_hangs(rig: &Rig, document: &str, obstinate: &Obstinate) {
    let other = rig.another_device("other");
    let invitation = rig.service.folder().invite(ANOTHER, "Jonas", "Jonaitis");
    let enrolled = other.enrol(&invitation, PIN1, PIN2).must_be(code::DONE);
    let theirs = enrolled.value()["documentNumber"]
        .as_str()
        .unwrap()
        .to_owned();
    other.wait_until_connected(&theirs);
    obstinate.command("hang-once C_UnwrapKey");
    let (login, id) = rig.ask_to_log_in(document);
    thread::scope(|scope| {
        let approving = scope.spawn(|| -> Said { rig.device.approve(&id, PIN1) });
        until("a call to hang", SOON, || !obstinate.waits());
        let target = Target::Document(theirs);
        let their_login = rig.relying_party.login(&target, USUAL, "Log in?");
        let their_id = other.id_of(&their_login.verification_code);
        other.approve(&their_id, PIN1).must_be(code::DONE);
        assert_eq!(rig.end_of(&their_login.session), "OK");
        let said = approving.join().unwrap();
        assert_ne!(said.code, code::WRONG_PIN, "{said:?}");
    });
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.assert_untouched(document);
}

#[test]
fn s169_the_daemons_module_crashes_leaves_and_hangs() {
    let plan = Plan::default().obstinate_token();
    let Some((rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    let pid = rig.device.daemon.pid();
    let obstinate = Obstinate::before(&rig.device.token());
    let doctor = || rig.device.cli.run(&["doctor"], &[]).out;
    assert!(doctor().contains("neither crashes nor hangs: not since"));

    obstinate.command("crash-once C_Sign");
    rig.log_in(&document);
    assert!(!obstinate.waits());
    assert!(doctor().contains("replaced 1 times"), "{}", doctor());

    // The PIN's entry is counted before the token computes anything with it.
    for command in ["crash C_Sign", "leave C_Sign", "hang C_Sign"] {
        obstinate.command(command);
        let (login, id) = rig.ask_to_log_in(&document);
        let asked = Instant::now();
        rig.device.approve(&id, PIN1).must_be(code::HARDWARE);
        assert!(asked.elapsed() < HANG, "{command}");
        assert!(rig.relying_party.is_running(&login.session), "{command}");
        obstinate.behave();
        until("the token to be used again", SOON, || {
            rig.device.approve(&id, PIN1).code == code::DONE
        });
        assert_eq!(rig.end_of(&login.session), "OK");
        rig.assert_untouched(&document);
    }

    // An entry of which nobody heard is taken back, whatever the next one is.
    obstinate.command("crash C_Sign");
    let (_, id) = rig.ask_to_log_in(&document);
    rig.device.approve(&id, PIN1).must_be(code::HARDWARE);
    obstinate.behave();
    until("the token to be looked at again", SOON, || {
        rig.device.standing(&document, "pin1")["triesLeft"] != json!(null)
    });
    rig.assert_untouched(&document);
    assert_eq!(rig.device.daemon.pid(), pid, "the daemon never ended");
}
