//! "I did not start this": whoever asked does not reach the person for a while.

use std::time::Duration;

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::eventually::SOON;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PERSON, Plan, Rig, USUAL};

const MINUTE: Duration = Duration::from_secs(60);

fn reports(rig: &Rig) -> Vec<Value> {
    let told = rig.service.folder().must(&["rp", "reports", "--json"]);
    serde_json::from_str(&told).unwrap()
}

#[test]
fn s103_who_asks_what_nobody_started_is_muted_and_reported() {
    let plan = Plan::default().moved_clock().start();
    let Some((mut rig, document)) = plan.map(Rig::with_account) else {
        return;
    };
    let anybody = Target::Person(PERSON.into());
    let login = rig.relying_party.login(&anybody, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device
        .cli
        .run(&["refuse", &id, "--not-mine"], &[])
        .must_be(code::DONE);
    // It is told no more than of any refusal.
    let status = rig.relying_party.wait(&login.session, SOON);
    assert_eq!(status["result"]["endResult"], "USER_REFUSED_INTERACTION");
    let history = rig.device.cli.json(&["history", &document], &[]).value();
    assert_eq!(history["entries"][0]["event"], "disowned");

    // From then on the person seems not to answer; others reach them.
    let muted = rig.relying_party.login(&anybody, USUAL, "Log in now?");
    let by_other = rig
        .another_relying_party("OTHER")
        .login(&anybody, USUAL, "Log in here?");
    let other_id = rig.device.id_of(&by_other.verification_code);
    let pending = rig.device.pending();
    assert_eq!(pending.len(), 1, "{pending:?}");
    assert!(rig.relying_party.is_running(&muted.session));
    rig.device.refuse(&other_id).must_be(code::DONE);

    let reports_now = reports(&rig);
    assert_eq!(reports_now.len(), 1);
    assert_eq!(reports_now[0]["relyingPartyUUID"], rig.relying_party.uuid());
    assert_eq!(reports_now[0]["names"][0], "DEMO");
    assert_eq!(reports_now[0]["documentNumber"], *document);
    assert!(reports_now[0]["mutedUntil"].is_number());

    rig.service.clock().advance(11 * MINUTE);
    assert_eq!(rig.end_of(&muted.session), "TIMEOUT");
    let again = rig.relying_party.login(&anybody, USUAL, "And now?");
    rig.device.wait_for(&again.verification_code);
}
