//! Watching at a terminal, or by a script.

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::process::Running;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, Rig, USUAL};

fn events(watch: &Running) -> Vec<Value> {
    let log = watch.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Waits for the `count`th event of a kind.
fn nth(watch: &Running, kind: &str, count: usize) -> Value {
    eventually(&format!("{kind} number {count}"), SOON, || {
        let of_kind = events(watch).into_iter();
        let mut of_kind = of_kind.filter(|event| event["event"] == kind);
        of_kind.nth(count - 1)
    })
}

#[test]
fn s140_a_watch_tells_each_event_once_and_outlives_the_daemon() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    rig.device.id_of(&login.verification_code);
    let mut watch = rig.device.cli.start("watch", &["watch", "--json"]);

    let offered = nth(&watch, "offered", 1);
    assert_eq!(
        offered["transaction"]["verificationCode"],
        login.verification_code
    );
    let id = offered["transaction"]["id"].as_str().unwrap().to_owned();
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    let withdrawn = nth(&watch, "withdrawn", 1);
    assert_eq!(withdrawn["id"], id);
    assert_eq!(withdrawn["reason"], "approved");
    assert_eq!(withdrawn["transaction"]["relyingPartyName"], "DEMO");

    let login = rig.relying_party.login(&target, USUAL, "And now?");
    let pushed = nth(&watch, "offered", 2);
    assert_eq!(
        pushed["transaction"]["verificationCode"],
        login.verification_code
    );

    rig.device.daemon.kill9();
    nth(&watch, "daemonGone", 1);
    rig.device.restart_after_crash();
    nth(&watch, "daemonBack", 1);
    let anew = nth(&watch, "offered", 3);
    assert_eq!(anew["transaction"]["id"], pushed["transaction"]["id"]);
    assert!(watch.is_running());
    assert_eq!(nth(&watch, "withdrawn", 1)["reason"], "approved");
}
