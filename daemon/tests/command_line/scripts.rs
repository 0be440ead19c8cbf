//! What scripts rely on: exit codes, JSON, secrets through descriptors.

use serde_json::{Value, json};
use symbolon_daemon::bus::fault::FaultKind;

use crate::fake_daemon::{DOCUMENT, FIRST, SECOND, account, choice, login};
use crate::stage::{Stage, inherited};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_fault_has_its_exit_code_and_its_words() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let codes = [
        (FaultKind::Locked, 4),
        (FaultKind::AccountClosed, 5),
        (FaultKind::NotFound, 8),
        (FaultKind::Expired, 8),
        (FaultKind::AnsweredElsewhere, 8),
        (FaultKind::NotAuthorized, 9),
        (FaultKind::AuthenticationNeeded, 9),
        (FaultKind::InvalidPin, 10),
        (FaultKind::PinRefused, 10),
        (FaultKind::HardwareUnavailable, 6),
        (FaultKind::HardwareLost, 6),
        (FaultKind::HardwareUnfit, 6),
        (FaultKind::OwnerPasswordMissing, 6),
        (FaultKind::ServiceUnreachable, 7),
        (FaultKind::ServiceRefused, 10),
        (FaultKind::Damaged, 1),
        (FaultKind::StorageFailed, 1),
        (FaultKind::InvalidArgument, 10),
        (FaultKind::Failed, 1),
    ];
    for (kind, _) in codes {
        stage.daemon.fails("Refuse", kind, "it happened; do that");
    }
    for (kind, code) in codes {
        let outcome = stage.run(&["refuse", FIRST], "").await;
        assert_eq!(outcome.code, code, "{kind:?}");
        assert_eq!(outcome.complaints, "symbolon: it happened; do that\n");
    }
    assert_eq!(stage.run(&["nonsense"], "").await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_the_daemons_own() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let accounts = json!({"accounts": [account(DOCUMENT)], "damaged": [], "later": "field"});
    stage.daemon.answers("ListAccounts", accounts.clone());
    stage.daemon.answers("Status", json!({"a": 1}));
    stage.daemon.answers("History", json!({"b": 2}));
    stage.daemon.answers("ListPending", json!({"c": 3}));
    stage
        .daemon
        .answers("Doctor", json!({"healthy": true, "findings": []}));
    for (arguments, expected) in [
        (vec!["accounts"], accounts),
        (vec!["status"], json!({"a": 1})),
        (vec!["history", DOCUMENT], json!({"b": 2})),
        (vec!["pending"], json!({"c": 3})),
        (vec!["doctor"], json!({"healthy": true, "findings": []})),
    ] {
        let outcome = stage.run(&[&["--json"], &arguments[..]].concat(), "").await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(outcome.output, format!("{expected}\n"));
        assert_eq!(outcome.complaints, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_from_standard_input_approves() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let outcome = stage.run(&["approve", "--pin-stdin"], "271828\n").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.output.contains("Bank of X wants you to log in."));
    assert!(outcome.output.contains("Code: 4821"));
    assert!(outcome.output.ends_with("Approved.\n"));
    assert_eq!(stage.daemon.calls("Approve"), [[FIRST, "271828"]]);
    // The hardware is prepared before the PIN is asked for.
    assert_eq!(
        stage.daemon.order(),
        ["ListPending", "BeginApproval", "Approve"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_from_a_descriptor_approves_and_json_is_alone_on_standard_output() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let (_pipe, number) = inherited("271828");
    let outcome = stage
        .run(&["--json", "approve", FIRST, "--pin-fd", &number], "")
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.output, "{\"outcome\":\"accepted\"}\n");
    assert!(outcome.complaints.contains("Code: 4821"));
    assert_eq!(stage.daemon.calls("Approve"), [[FIRST, "271828"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_chooses_and_compares_the_code_that_it_is_told() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let request = choice(FIRST, "Bank of X", ["1111", "4821", "2222"]);
    for request in [&request; 3] {
        stage.daemon.offers(std::slice::from_ref(request));
    }
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    for outcome in ["right", "wrong"] {
        stage
            .daemon
            .answers("ChooseCode", json!({"outcome": outcome}));
    }
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let approve = ["approve", FIRST, "--pin-stdin"];
    let with_code = |code| [&approve[..], &["--code", code]].concat();

    let outcome = stage.run(&approve, "271828\n").await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.complaints.contains("--code"), "{outcome:?}");
    assert!(stage.daemon.calls("ChooseCode").is_empty());
    let outcome = stage.run(&with_code("4821"), "271828\n").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let outcome = stage.run(&with_code("1111"), "271828\n").await;
    assert_eq!(outcome.code, 1, "{outcome:?}");

    // Where nothing is to be chosen it is compared.
    let outcome = stage.run(&with_code("1111"), "271828\n").await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.complaints.contains("not the one that you began"));
    let outcome = stage.run(&with_code("4821"), "271828\n").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(stage.run(&with_code("482"), "271828\n").await.code, 2);
    assert_eq!(
        stage.daemon.calls("ChooseCode"),
        [[FIRST, "4821"], [FIRST, "1111"]]
    );
    assert_eq!(stage.daemon.calls("Approve").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_whether_the_person_had_started_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers("Refuse", json!({}));
    stage.daemon.answers("Disown", json!({}));
    let outcome = stage.run(&["refuse", FIRST], "").await;
    assert_eq!(outcome.output, "Refused; the relying party is told.\n");
    let outcome = stage.run(&["refuse", SECOND, "--not-mine"], "").await;
    assert!(outcome.output.contains("does not reach you for a while"));
    assert_eq!(stage.daemon.calls("Refuse"), [[FIRST]]);
    assert_eq!(stage.daemon.calls("Disown"), [[SECOND]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_locked_and_closed_are_three_things() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    let verdicts = [
        (
            json!({"outcome": "wrongPin", "triesLeft": 1}),
            3,
            "wrong PIN; 1 try left",
        ),
        (
            json!({
                "outcome": "locked", "by": "authentication",
                "until": 1_795_010_800, "remainingSeconds": 10_800
            }),
            4,
            "locked after wrong PIN1 entries until 2026-11-18 16:06 (in 3 h 0 min)",
        ),
        (json!({"outcome": "closed"}), 5, "closed for good"),
    ];
    for (verdict, ..) in &verdicts {
        stage.daemon.answers("Approve", verdict.clone());
    }
    for (verdict, code, words) in verdicts {
        let outcome = stage
            .run(&["--json", "approve", "--pin-stdin"], "314159\n")
            .await;
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.complaints.contains(words), "{}", outcome.complaints);
        let printed: Value = serde_json::from_str(&outcome.output).unwrap();
        assert_eq!(printed, verdict);
    }
    // A script's wrong PIN is never tried twice.
    assert_eq!(stage.daemon.calls("Approve").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_takes_no_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers(
        "BeginApproval",
        json!({
            "transaction": login(FIRST, "Bank of X", "4821"),
            "pin": {"state": "locked", "by": "signing", "until": null, "remainingSeconds": null}
        }),
    );
    let outcome = stage.run(&["approve", FIRST, "--pin-stdin"], "1\n").await;
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(
        outcome
            .complaints
            .contains("locked after wrong PIN2 entries")
    );
    assert!(stage.daemon.calls("Approve").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_named_whole_by_its_beginning_or_not_at_all() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let pending = [login(FIRST, "Bank", "4821"), login(SECOND, "Tax", "1284")];
    stage.daemon.offers(&pending);
    stage.daemon.answers("Refuse", json!({}));
    assert_eq!(stage.run(&["refuse", "0b"], "").await.code, 0);
    assert_eq!(stage.daemon.calls("Refuse"), [[SECOND]]);
    assert_eq!(stage.run(&["refuse", "0"], "").await.code, 2);
    assert_eq!(stage.run(&["refuse"], "").await.code, 2);
    assert_eq!(stage.run(&["refuse", "ff"], "").await.code, 8);
    assert_eq!(stage.daemon.calls("Refuse").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waiting_is_not_found() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[]);
    let outcome = stage.run(&["approve", "--pin-stdin"], "271828\n").await;
    assert_eq!(outcome.code, 8, "{outcome:?}");
    assert!(outcome.complaints.contains("nothing waits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_a_secret_needs_an_option() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    let outcome = stage.run(&["approve"], "271828\n").await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.complaints.contains("--pin-fd or --pin-stdin"));
    for arguments in [
        &["enrol"][..],
        &["pin", "change", "pin1", DOCUMENT],
        &["delete", DOCUMENT],
    ] {
        let outcome = stage.run(arguments, "").await;
        assert_eq!(outcome.code, 2, "{outcome:?}");
    }
    assert!(stage.daemon.calls("Approve").is_empty());
    assert!(stage.daemon.calls("Delete").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_line_by_line() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let enrolled = json!({
        "documentNumber": DOCUMENT, "person": "PNOEE-30303039914", "givenName": "MARI",
        "surname": "MAASIKAS", "level": "QUALIFIED", "hardware": "TPM 2.0 IFX 7.85"
    });
    stage.daemon.answers("Enrol", enrolled);
    stage
        .daemon
        .answers("ChangePin", json!({"outcome": "accepted"}));
    let outcome = stage
        .run(
            &["enrol", "--device-name", "laptop", "--secrets-stdin"],
            "ABCD-1234\n271828\r\n3141592",
        )
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.output.contains("Enrolled MARI MAASIKAS"));
    assert!(outcome.output.contains(DOCUMENT));
    assert_eq!(
        stage.daemon.calls("Enrol"),
        [["", "ABCD-1234", "laptop", "271828", "3141592"]]
    );

    let (_pipe, number) = inherited("271828\n161803\n");
    let change = ["pin", "change", "pin2", DOCUMENT];
    let source = ["--old-fd", &number, "--new-fd", &number];
    let outcome = stage.run(&[&change[..], &source].concat(), "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        stage.daemon.calls("ChangePin"),
        [[DOCUMENT, "signing", "271828", "161803"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_secret_is_refused_before_it_is_sent() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    let long = "1".repeat(65);
    for (input, code) in [("\n", 2), ("", 2), (long.as_str(), 10)] {
        let outcome = stage.run(&["approve", "--pin-stdin"], input).await;
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(!outcome.complaints.contains("111"));
    }
    let outcome = stage.run(&["approve", "--pin-fd", "77"], "").await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(stage.daemon.calls("Approve").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_pass_the_bus_in_no_message() {
    use futures_util::StreamExt;

    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let listener = crate::stage::connect(&stage.address).await;
    let mut passing = zbus::MessageStream::from(&listener);
    zbus::fdo::MonitoringProxy::new(&listener)
        .await
        .unwrap()
        .become_monitor(&[], 0)
        .await
        .unwrap();
    let outcome = stage.run(&["approve", "--pin-stdin"], "271828\n").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    loop {
        let message = passing.next().await.unwrap().unwrap();
        let body = message.body();
        assert!(!body.data().windows(6).any(|octets| octets == b"271828"));
        let header = message.header();
        if header
            .member()
            .is_some_and(|name| name.as_str() == "Approve")
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_daemon_is_told_apart() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let address = stage.address.clone();
    let folder = stage.folder().join("no-bus.socket");
    let nowhere = format!("unix:path={}", folder.display());
    drop(stage.daemon);
    let run = async |bus: &str, arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_symbolon"));
        let output = command.args(["--bus", bus]).args(arguments).output().await;
        output.unwrap()
    };
    for bus in [&address, &nowhere] {
        let output = run(bus, &["accounts"]).await;
        assert_eq!(output.status.code(), Some(11), "{output:?}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("systemctl start symbolond"), "{words}");
        let output = run(bus, &["--json", "doctor"]).await;
        assert_eq!(output.status.code(), Some(11));
        let diagnosis: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(diagnosis["healthy"], false);
        assert_eq!(diagnosis["findings"][0]["severity"], "problem");
    }
}
