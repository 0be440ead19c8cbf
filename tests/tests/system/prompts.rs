//! One prompt at a time per person.

use std::time::Duration;

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::link_login::LinkLogin;
use symbolon_tests::relying_party::{Login, RelyingParty, Target};
use symbolon_tests::rig::{PERSON, PIN1, Plan, Rig, USUAL};
use symbolon_tests::service::SCHEME;

fn log_in(party: &RelyingParty) -> Login {
    party.login(&Target::Person(PERSON.into()), USUAL, "Log in?")
}

fn codes(rig: &Rig) -> Vec<Value> {
    let pending = rig.device.pending().into_iter();
    pending
        .map(|transaction| transaction["verificationCode"].clone())
        .collect()
}

#[test]
fn s104_the_next_request_waits_for_its_turn() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let piled: Vec<Login> = (0..3).map(|_| log_in(&rig.relying_party)).collect();
    let bank = rig.another_relying_party("BANK");
    let login = log_in(&bank);
    let first = rig.device.id_of(&piled[0].verification_code);
    assert_eq!(codes(&rig), [piled[0].verification_code.as_str()]);

    // What the person opened themselves does not wait.
    let link = LinkLogin::begin(&rig.relying_party, "anonymous", SCHEME, USUAL);
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    rig.device
        .cli
        .json(&arguments, &[&link.qr(0), PIN1])
        .must_be(code::DONE);
    assert_eq!(rig.end_of(&link.login.session), "OK");

    assert!(bank.is_running(&login.session));
    rig.device.approve(&first, PIN1).must_be(code::DONE);
    let second = rig.device.id_of(&login.verification_code);
    assert_eq!(codes(&rig), [login.verification_code.as_str()]);
    rig.device.approve(&second, PIN1).must_be(code::DONE);
    rig.device.id_of(&piled[1].verification_code);
    assert_eq!(codes(&rig), [piled[1].verification_code.as_str()]);
}

#[test]
fn s105_a_prompt_that_nobody_answers_keeps_nobody_away_for_long() {
    let plan = Plan::default().moved_clock().start();
    let Some((mut rig, _)) = plan.map(Rig::with_account) else {
        return;
    };
    let ignored = log_in(&rig.relying_party);
    rig.device.wait_for(&ignored.verification_code);
    let login = log_in(&rig.relying_party);
    rig.service.clock().advance(Duration::from_secs(31));
    let id = rig.device.id_of(&login.verification_code);
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    assert!(rig.relying_party.is_running(&ignored.session));
}
