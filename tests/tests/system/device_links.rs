//! Logins by device link: nobody is asked who did not open the link.

use std::process::{Command, Stdio};

use serde_json::Value;
use symbolon_tests::cli::{Said, code};
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::link_login::LinkLogin;
use symbolon_tests::process::program;
use symbolon_tests::rig::{PERSON, PIN1, Rig, USUAL};
use symbolon_tests::service::SCHEME;

fn begin(rig: &Rig, whom: &str) -> LinkLogin {
    LinkLogin::begin(&rig.relying_party, whom, SCHEME, USUAL)
}

/// `symbolon open`, with the link on its standard input, where no other user sees it.
fn open(rig: &Rig, link: &str, pin: &str) -> Said {
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    rig.device.cli.json(&arguments, &[link, pin])
}

/// What was printed last: where the browser is led.
fn callback(said: &Said) -> Value {
    let line = said.out.lines().last().unwrap_or_default();
    let printed: Value = serde_json::from_str(line).unwrap();
    printed["url"].clone()
}

#[test]
fn s80_login_by_a_scanned_link() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let link = begin(&rig, "anonymous");
    assert!(rig.device.pending().is_empty(), "nobody is asked unasked");
    let said = open(&rig, &link.qr(0), PIN1).must_be(code::DONE);
    assert_eq!(callback(&said), Value::Null, "no browser of ours waits");
    let status = rig.relying_party.wait(&link.login.session, SOON);
    let trust = rig.service.folder().trust();
    let proven = link.verify_qr(&status, &trust).unwrap();
    assert_eq!(proven.document_number, document);
}

#[test]
fn s81_login_in_the_browser_that_began() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    for whom in [
        "anonymous",
        &format!("etsi/{PERSON}"),
        &format!("document/{document}"),
    ] {
        let link = begin(&rig, whom);
        let handed_over = format!("symbolon:{}", link.web_to_app());
        let said = open(&rig, &handed_over, PIN1).must_be(code::DONE);
        let callback = callback(&said);
        let status = rig.relying_party.wait(&link.login.session, SOON);
        let trust = rig.service.folder().trust();
        let came_back = callback.as_str().unwrap();
        let proven = link.verify_web_to_app(&status, &trust, came_back).unwrap();
        assert_eq!(proven.document_number, document);
    }
}

#[test]
fn s82_a_refused_link_leads_back_and_proves_nothing() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let link = begin(&rig, "anonymous");
    // A wrong PIN ends the command, not the transaction.
    let said = open(&rig, &link.web_to_app(), "9753").must_be(code::WRONG_PIN);
    assert_eq!(callback(&said), Value::Null, "it is not over");
    let pending = rig.device.pending();
    let id = pending[0]["id"].as_str().unwrap();
    assert_eq!(pending[0]["verificationCode"], Value::Null);
    rig.device.refuse(id).must_be(code::DONE);
    assert_eq!(rig.end_of(&link.login.session), "USER_REFUSED_INTERACTION");
    // The same link again: it was answered, and there is nothing to type a PIN for.
    assert_ne!(open(&rig, &link.web_to_app(), PIN1).code, code::DONE);
}

#[test]
fn s83_a_link_is_good_for_one_device_and_one_person() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let other = rig.another_device("other");
    rig.enrol(&other);
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    // Meant for another account.
    let link = begin(&rig, &format!("document/{document}"));
    let said = other.cli.json(&arguments, &[&link.web_to_app(), PIN1]);
    assert_eq!(said.code, code::NOT_FOUND, "{said:?}");
    open(&rig, &link.web_to_app(), PIN1).must_be(code::DONE);
    // Taken up already.
    let link = begin(&rig, "anonymous");
    open(&rig, &link.qr(0), PIN1).must_be(code::DONE);
    let said = other.cli.json(&arguments, &[&link.qr(0), PIN1]);
    assert_eq!(said.code, code::NOT_FOUND, "{said:?}");
    // Forged: the callback is not the one that was sealed.
    let link = begin(&rig, "anonymous");
    let forged = link.web_to_app().replace("lang=eng", "lang=est");
    assert_ne!(open(&rig, &forged, PIN1).code, code::DONE);
    assert_eq!(rig.end_of(&link.login.session), "PROTOCOL_FAILURE");
}

#[test]
fn s84_started_by_a_browser_the_command_leaves_the_pin_to_others() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let link = begin(&rig, "anonymous");
    // A session of its own has no terminal to ask on.
    let opener = Command::new("setsid")
        .arg("--wait")
        .arg(program("symbolon"))
        .args(["--bus", &rig.device.bus_address(), "--json"])
        .args(["open", &link.web_to_app(), "--no-browser"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = eventually("the link's transaction", SOON, || {
        let pending = rig.device.pending();
        pending.first()?["id"].as_str().map(str::to_owned)
    });
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    let output = opener.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = rig.relying_party.wait(&link.login.session, SOON);
    let trust = rig.service.folder().trust();
    let came_back = printed["url"].as_str().unwrap();
    let proven = link.verify_web_to_app(&status, &trust, came_back).unwrap();
    assert_eq!(proven.document_number, document);
}
