//! What a person is told of a token that lacks something.

use std::process::{Command, Output};

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::process::program;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig};
use symbolon_tests::token::{Token, TokenAt};

/// Expects `symbolon doctor` and `symbolon enrol` to refuse the token as a device's because of
/// `as_device`, and `symbolon-service hsm check` as the service's because of `as_service`, or to
/// find it fit as that.
pub(crate) fn expect(token: &TokenAt, as_device: &str, as_service: Option<&str>) {
    let Some(rig) = Plan::default().token_at(token.clone()).start() else {
        return;
    };
    let doctor = rig.device.cli.json(&["doctor"], &[]);
    let output = hsm_check(&rig, token);
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let diagnosis = doctor.value();
    let mut findings = diagnosis["findings"].as_array().unwrap().iter();
    let said = |finding: &Value| finding["what"].as_str().unwrap().contains(as_device);
    let finding = findings.find(|finding| said(finding));
    assert_eq!(finding.unwrap()["severity"], "problem", "{diagnosis:#}");

    let invitation = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    let refused = rig.device.enrol(&invitation, PIN1, PIN2);
    refused.clone().must_be(code::HARDWARE);
    assert!(refused.err.contains(as_device), "{refused:?}");
    let accounts = rig.service.folder().must(&["account", "list", "--json"]);
    assert_eq!(accounts.trim(), "[]", "the code was not redeemed");

    let exit_code = output.status.code();
    match as_service {
        Some(reason) => {
            assert_eq!(exit_code, Some(3), "{report}");
            assert!(report.contains(reason), "{report}");
        }
        None => assert_eq!(exit_code, Some(0), "{report}"),
    }
}

/// With the service's own configuration, but for the token.
fn hsm_check(rig: &Rig, token: &TokenAt) -> Output {
    let folder = rig.service.folder();
    let text = std::fs::read_to_string(folder.configuration()).unwrap();
    let soft = Token::open(&folder.path().join("hsm")).at();
    let mut text = text;
    for (own, other) in [
        (soft.settings(), token.settings()),
        (
            soft.pin_file.display().to_string(),
            token.pin_file.display().to_string(),
        ),
    ] {
        assert!(text.contains(&own));
        text = text.replace(&own, &other);
    }
    let configuration = folder.path().join("other-token.toml");
    std::fs::write(&configuration, text).unwrap();
    Command::new(program("symbolon-service"))
        .arg("--config")
        .arg(configuration)
        .args(["hsm", "check"])
        .envs(token.environment.iter().cloned())
        .output()
        .unwrap()
}
