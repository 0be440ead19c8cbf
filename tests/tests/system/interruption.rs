//! Death at every step: nothing counted that the hardware did not judge, nothing judged uncounted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Signal, kill_process};
use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::device::Device;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::relying_party::Login;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig, WRONG_PIN};
use symbolon_tests::service::SCHEME;
use symbolon_tests::tpm_proxy::{Moment, Verdict, command};

/// A rig with a tap before the TPM, and an account.
fn rig() -> Option<(Rig, String)> {
    Plan::default().tap().start().map(Rig::with_account)
}

/// What was not answered waits still, unless the daemon sends a share that it had made by itself.
fn finish(rig: &Rig, login: &Login, id: &str) {
    if rig.relying_party.is_running(&login.session) {
        let said = rig.device.approve(id, PIN1);
        assert!(
            matches!(said.code, code::DONE | code::NOT_FOUND),
            "{said:?}"
        );
    }
}

/// How many moments on the TPM's wire an approval has: each command and each answer.
fn count_moments(device: &Device, approve: impl FnOnce()) -> usize {
    let moments = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&moments);
    device.tap().intercept(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Verdict::Pass
    });
    approve();
    device.tap().pass_all();
    moments.load(Ordering::SeqCst)
}

/// Runs `action` at the `chosen` moment from now on, and cuts the wire there.
fn at_moment(device: &Device, chosen: usize, mut action: impl FnMut() + Send + 'static) {
    let mut seen = 0;
    device.tap().intercept(move |_| {
        seen += 1;
        if seen != chosen + 1 {
            return Verdict::Pass;
        }
        action();
        Verdict::Cut
    });
}

/// The account still works, and has all its tries.
fn assert_untouched(rig: &Rig, document: &str, when: &str) {
    assert_eq!(
        rig.device.standing(document, "pin1"),
        json!({"state": "open", "triesLeft": 3}),
        "{when}"
    );
}

#[test]
fn s40_the_daemon_killed_at_any_step_of_an_approval() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let (first, id) = rig.ask_to_log_in(&document);
    let moments = count_moments(&rig.device, || {
        rig.device.approve(&id, PIN1).must_be(code::DONE);
    });
    assert_eq!(rig.end_of(&first.session), "OK");
    assert!(moments >= 8, "an approval has {moments} moments");

    for chosen in 0..moments {
        let when = format!("killed at moment {chosen} of {moments}");
        let (login, id) = rig.ask_to_log_in(&document);
        let pid = rig.device.daemon.pid();
        at_moment(&rig.device, chosen, move || {
            kill_process(pid, Signal::KILL).unwrap();
        });
        rig.device.approve(&id, PIN1);
        rig.device.tap().pass_all();
        rig.device.restart_after_crash();
        rig.device.wait_until_connected(&document);
        assert_untouched(&rig, &document, &when);
        finish(&rig, &login, &id);
        let status = rig.relying_party.wait(&login.session, SOON);
        login
            .verify(&status, SCHEME, &rig.service.folder().trust())
            .unwrap_or_else(|error| panic!("{when}: {error}"));
    }
}

#[test]
fn s41_the_daemon_killed_around_a_wrong_pin_counts_what_was_judged() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    for (judged, left) in [(false, 3), (true, 2)] {
        let (_, id) = rig.ask_to_log_in(&document);
        let pid = rig.device.daemon.pid();
        rig.device.tap().cut_once(
            move |moment: &Moment<'_>| {
                if judged {
                    moment.is_response_to(command::POLICY_SECRET)
                } else {
                    moment.is_command(command::POLICY_SECRET)
                }
            },
            move || kill_process(pid, Signal::KILL).unwrap(),
        );
        rig.device.approve(&id, WRONG_PIN);
        rig.device.tap().pass_all();
        rig.device.restart_after_crash();
        rig.device.wait_until_connected(&document);
        assert_eq!(
            rig.device.standing(&document, "pin1"),
            json!({"state": "open", "triesLeft": left}),
            "judged: {judged}"
        );
        rig.device.refuse(&id).must_be(code::DONE);
    }
}

#[test]
fn s42_the_tpm_killed_at_any_step_of_an_approval() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let (_, id) = rig.ask_to_log_in(&document);
    let moments = count_moments(&rig.device, || {
        rig.device.approve(&id, PIN1).must_be(code::DONE);
    });
    for chosen in 0..moments {
        let when = format!("killed at moment {chosen} of {moments}");
        let (login, id) = rig.ask_to_log_in(&document);
        let pid = rig.device.swtpm.pid();
        at_moment(&rig.device, chosen, move || {
            kill_process(pid, Signal::KILL).unwrap();
        });
        let said = rig.device.approve(&id, PIN1);
        assert!(
            matches!(said.code, code::DONE | code::HARDWARE),
            "{when}: {said:?}"
        );
        rig.device.tap().pass_all();
        rig.device.swtpm.restart();
        until("the daemon to find the TPM again", SOON, || {
            rig.device.standing(&document, "pin1") == json!({"state": "open", "triesLeft": 3})
        });
        finish(&rig, &login, &id);
        assert_eq!(rig.end_of(&login.session), "OK", "{when}");
    }
}

#[test]
fn s43_the_tpm_killed_on_arrival_of_the_answer_to_a_wrong_pin_has_counted_it() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    for left in [2, 1] {
        let (_, id) = rig.ask_to_log_in(&document);
        let pid = rig.device.swtpm.pid();
        rig.device.tap().cut_once(
            |moment| moment.is_response_to(command::POLICY_SECRET),
            move || kill_process(pid, Signal::KILL).unwrap(),
        );
        rig.device.approve(&id, WRONG_PIN).must_be(code::HARDWARE);
        rig.device.swtpm.restart();
        // Whoever looks at the accounts is told the truth.
        until("the count to be read", SOON, || {
            rig.device.standing(&document, "pin1") == json!({"state": "open", "triesLeft": left})
        });
        rig.device.refuse(&id).must_be(code::DONE);
    }
}

#[test]
fn s44_the_network_cut_between_share_and_answer() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    // The share is made, and cannot be sent.
    let (login, id) = rig.ask_to_log_in(&document);
    let switch = rig.wire.switch();
    rig.device.tap().intercept(move |moment| {
        if moment.is_response_to(command::RSA_DECRYPT) {
            switch.cut();
        }
        Verdict::Pass
    });
    let said = rig.device.approve(&id, PIN1);
    assert!(
        matches!(said.code, code::DONE | code::SERVICE_UNREACHABLE),
        "{said:?}"
    );
    rig.device.tap().pass_all();
    assert!(rig.relying_party.is_running(&login.session));

    // The daemon dies as well, comes back, and sends it by itself: no PIN is asked for again.
    rig.device.daemon.kill9();
    rig.wire.mend();
    rig.device.restart_after_crash();
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.device.wait_until_connected(&document);
    assert_untouched(&rig, &document, "after the cut");
    rig.log_in(&document);
}

#[test]
fn s180_a_confirmation_torn_by_a_power_cut_was_not_begun() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    rig.log_in(&document);
    let (login, id) = rig.ask_to_log_in(&document);
    let switch = rig.wire.switch();
    rig.device.tap().intercept(move |moment| {
        if moment.is_response_to(command::RSA_DECRYPT) {
            switch.cut();
        }
        Verdict::Pass
    });
    rig.device
        .approve(&id, PIN1)
        .must_be(code::SERVICE_UNREACHABLE);
    rig.device.tap().pass_all();
    rig.device.daemon.kill9();

    let name = format!("accounts/{document}.confirm.slot");
    let slot = rig.device.daemon.state().join(name);
    let mut content = std::fs::read(&slot).unwrap();
    let end = content.iter().rposition(|octet| *octet != 0).unwrap();
    content[end / 2..].fill(0);
    std::fs::write(&slot, content).unwrap();
    rig.wire.mend();
    rig.device.restart_after_crash();
    rig.device.wait_until_connected(&document);

    // Nothing is sent by itself, and nothing is in the way of the next approval.
    assert!(rig.relying_party.is_running(&login.session));
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    assert_untouched(&rig, &document, "after the torn write");
    let left = std::fs::read(&slot).unwrap();
    assert!(left.iter().all(|octet| *octet == 0), "what was shown stays");
    rig.log_in(&document);
}

#[test]
fn s182_the_service_killed_with_a_half_that_it_made_ahead() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let (login, id) = rig.ask_to_log_in(&document);
    let service = rig.service.process().pid();
    rig.device.tap().intercept(move |moment| {
        if moment.is_response_to(command::RSA_DECRYPT) {
            kill_process(service, Signal::KILL).unwrap();
        }
        Verdict::Pass
    });
    rig.device
        .approve(&id, PIN1)
        .must_be(code::SERVICE_UNREACHABLE);
    rig.device.tap().pass_all();
    rig.service.process().kill9();
    rig.service.restart();
    // The share is on the disk, and another half is made.
    let status = rig.relying_party.wait(&login.session, SOON);
    login
        .verify(&status, SCHEME, &rig.service.folder().trust())
        .unwrap();
    rig.device.wait_until_connected(&document);
    assert_untouched(&rig, &document, "after the service's death");
    rig.log_in(&document);
}

#[test]
fn s45_the_service_killed_while_a_login_waits() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let (login, id) = rig.ask_to_log_in(&document);
    rig.service.process().kill9();
    rig.device
        .approve(&id, PIN1)
        .must_be(code::SERVICE_UNREACHABLE);
    rig.service.restart();
    rig.device.wait_until_connected(&document);
    finish(&rig, &login, &id);
    assert_eq!(rig.end_of(&login.session), "OK");
    assert_untouched(&rig, &document, "after the service's death");
}

#[test]
fn s46_the_daemon_killed_while_an_enrolment_makes_its_keys() {
    let Some(mut rig) = Plan::default().tap().start() else {
        return;
    };
    let mut killed = 0;
    loop {
        // First dies the examination that goes before, then the enrolment itself.
        let pid = rig.device.daemon.pid();
        at_made(&rig.device, killed, move || {
            kill_process(pid, Signal::KILL).unwrap();
        });
        let invitation = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
        let said = rig.device.enrol(&invitation, PIN1, PIN2);
        rig.device.tap().pass_all();
        if said.code == code::DONE {
            break;
        }
        killed += 1;
        rig.device.restart_after_crash();
        let notes = rig.device.daemon.state().join("enrolments");
        until("the enrolment to be undone", SOON, || {
            std::fs::read_dir(&notes).is_ok_and(|mut notes| notes.next().is_none())
        });
        rig.device.daemon.kill9();
        let left = rig.device.swtpm.nv_indices();
        assert!(
            left.iter().all(|index| *index == EXAMINATION),
            "{left:x?} after death {killed}"
        );
        rig.device.restart_after_crash();
    }
    assert!(killed >= 6, "killed {killed} times");
    rig.device.daemon.kill9();
    let accounts = rig.device.swtpm.nv_indices();
    assert_eq!(accounts.len(), 2, "{accounts:x?}");
    assert!(!accounts.contains(&EXAMINATION), "{accounts:x?}");
}

/// Where the examination of a TPM makes its counter; the next one removes what a killed one left.
const EXAMINATION: u32 = 0x0180_52ff;

/// Runs `action` when the TPM has made the counter or the key after the first `spared` ones, and
/// cuts the wire there.
fn at_made(device: &Device, spared: usize, mut action: impl FnMut() + Send + 'static) {
    let mut made = 0;
    device.tap().intercept(move |moment| {
        let makes = moment.is_response_to(command::NV_DEFINE_SPACE)
            || moment.is_response_to(command::CREATE);
        made += usize::from(makes);
        if !makes || made != spared + 1 {
            return Verdict::Pass;
        }
        action();
        Verdict::Cut
    });
}
