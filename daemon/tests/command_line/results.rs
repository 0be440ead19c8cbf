//! What people read: tables, findings, and nothing that moves their cursor.

use serde_json::json;

use crate::fake_daemon::{DOCUMENT, FIRST, account, login};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_status_tell_what_is_locked_until_when() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let damaged = json!([{"file": "x.json", "detail": "checksum"}]);
    stage.daemon.answers(
        "ListAccounts",
        json!({"accounts": [account(DOCUMENT)], "damaged": damaged}),
    );
    let outcome = stage.run(&["accounts"], "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let lines: Vec<&str> = outcome.output.lines().collect();
    assert!(lines[0].starts_with("DOCUMENT"), "{lines:?}");
    for part in [
        DOCUMENT,
        "MARI MAASIKAS",
        "QUALIFIED",
        "3 tries left",
        "locked until 2026-11-18 16:06",
        "connected since",
    ] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
    // Columns stand under each other.
    assert_eq!(lines[0].find("NAME"), lines[1].find("MARI"));
    assert!(outcome.complaints.contains("x.json is damaged (checksum)"));

    stage.daemon.answers(
        "Status",
        json!({
            "version": "0.1.0",
            "services": [{"name": "demo", "url": "https://localhost:1"}],
            "accounts": [account(DOCUMENT)],
            "subscribers": 0
        }),
    );
    let outcome = stage.run(&["status"], "").await;
    assert!(
        outcome
            .output
            .starts_with("symbolond 0.1.0\nNo agent of yours")
    );
    assert!(outcome.output.contains("demo     https://localhost:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_marks_findings_and_tells_what_to_do() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers(
        "Doctor",
        json!({"healthy": false, "findings": [
            {"subject": "TPM", "severity": "good", "what": "counts PINs itself"},
            {"subject": "Service demo", "severity": "problem", "what": "is not reachable",
             "remedy": "look at the network"},
        ]}),
    );
    let outcome = stage.run(&["doctor"], "").await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let lines: Vec<&str> = outcome.output.lines().collect();
    assert_eq!(lines[0], "✓ TPM           counts PINs itself");
    assert_eq!(lines[1], "✗ Service demo  is not reachable");
    assert_eq!(lines[2], "                -> look at the network");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_tells_what_happened() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers(
        "ListAccounts",
        json!({"accounts": [account(DOCUMENT)], "damaged": []}),
    );
    stage.daemon.answers(
        "History",
        json!({"entries": [
            {"at": 1_795_000_000, "event": "approved", "purpose": "signing",
             "relyingPartyName": "Bank of X", "text": "Contract", "verificationCode": "4821",
             "by": {"uid": 1001, "name": "mari"}},
            {"at": 1_795_000_000, "event": "enrolled"},
        ]}),
    );
    let outcome = stage.run(&["history", "--limit", "7"], "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(stage.daemon.calls("History"), [[DOCUMENT, "7"]]);
    let lines: Vec<&str> = outcome.output.lines().collect();
    let told = "2026-11-18 13:06  approved (PIN2)  mari (1001)  4821  Bank of X  Contract";
    assert!(lines[1].starts_with(told), "{}", lines[1]);
    assert!(lines[2].ends_with("enrolled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_reaches_the_screen() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let hostile = login(
        FIRST,
        "Bank\u{1b}]0;x\u{7}\u{202e}1284 edoC\r\nCode: 9999",
        "4821",
    );
    stage.daemon.offers(&[hostile]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    for arguments in [
        &["pending"][..],
        &["approve", "--pin-stdin"],
        &["--json", "pending"],
    ] {
        let outcome = stage.run(arguments, "271828\n").await;
        let printed = outcome.output + &outcome.complaints;
        let dangerous = |character: char| {
            (character.is_control() && character != '\n') || character == '\u{202e}'
        };
        assert!(!printed.contains(dangerous), "{printed:?}");
        assert!(!printed.contains("\nCode: 9999"), "{printed:?}");
    }
}
