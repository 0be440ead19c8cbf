//! Where secrets must not be.

use std::process::Command;

use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::process::Running;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PERSON, Plan, USUAL};

// Long ones: four digits stand in any heap of octets by chance.
const LONG_PIN1: &str = "730915826417";
const LONG_PIN2: &str = "486150293718";
const LONG_WRONG: &str = "915374620853";
const LONG_NEW: &str = "208461957352";

#[test]
fn s60_secrets_are_in_no_log_on_no_bus_and_not_on_the_tpms_wire() {
    let Some(rig) = Plan::default().tap().verbose().start() else {
        return;
    };
    let monitored = rig.folder.path().join("logs/bus-traffic.log");
    let mut monitor = Running::start(
        "bus-traffic",
        &rig.folder.logs(),
        Command::new("dbus-monitor")
            .arg("--binary")
            .arg("--address")
            .arg(rig.device.bus_address()),
    );
    let bus_octets = || std::fs::metadata(&monitored).map_or(0, |file| file.len());
    monitor.wait_until_ready(SOON, || (bus_octets() > 0).then_some(()));

    let enrolment_code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    let enrolled = rig.device.enrol(&enrolment_code, LONG_PIN1, LONG_PIN2);
    let document = enrolled.must_be(code::DONE).value()["documentNumber"]
        .as_str()
        .unwrap()
        .to_owned();
    rig.device.wait_until_connected(&document);
    let mut tokens = vec![rig.device.daemon.freshness_token(&document)];

    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.approve(&id, LONG_WRONG).must_be(code::WRONG_PIN);
    rig.device.approve(&id, LONG_PIN1).must_be(code::DONE);
    tokens.push(rig.device.daemon.freshness_token(&document));
    let signing = rig.relying_party.sign(&target, USUAL, b"x", "Sign?");
    let id = rig.device.id_of(&signing.verification_code);
    rig.device.approve(&id, LONG_PIN2).must_be(code::DONE);
    tokens.push(rig.device.daemon.freshness_token(&document));
    let arguments = ["pin", "change", "pin1", &document, "--pins-stdin"];
    rig.device
        .cli
        .json(&arguments, &[LONG_PIN1, LONG_NEW])
        .must_be(code::DONE);
    assert_ne!(tokens[0], tokens[1], "the token rotates");
    assert_ne!(tokens[1], tokens[2], "the token rotates");

    let before = bus_octets();
    rig.device.pending();
    until("the monitor to have caught up", SOON, || {
        bus_octets() > before
    });

    let mut heaps: Vec<(String, Vec<u8>)> = Vec::new();
    for log in std::fs::read_dir(rig.folder.logs()).unwrap().flatten() {
        if log.path().is_file() {
            let name = log.file_name().to_string_lossy().into_owned();
            heaps.push((name, std::fs::read(log.path()).unwrap()));
        }
    }
    assert!(heaps.iter().any(|(name, _)| name == "service.log"));
    for exchange in rig.device.tap().recording() {
        let name = format!("TPM command {:#x}", exchange.code());
        heaps.push((name, [exchange.command, exchange.response].concat()));
    }
    assert!(heaps.len() > 30, "{} heaps", heaps.len());

    let pins = [LONG_PIN1, LONG_PIN2, LONG_WRONG, LONG_NEW, &enrolment_code];
    for secret in pins.into_iter().chain(tokens.iter().map(String::as_str)) {
        for (name, heap) in &heaps {
            let found = heap
                .windows(secret.len())
                .any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
            assert!(!found, "{secret} is in {name}");
        }
    }
}
