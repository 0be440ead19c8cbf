//! Approving where several members of a group must.

use serde_json::{Value, json};

use crate::fake_daemon::{FIRST, FakeDaemon, login};
use crate::person::Person;
use crate::stage::Stage;

/// A login that two must approve, as somebody sees whom `missing` others must precede.
fn offers(daemon: &FakeDaemon, given: &Value, missing: u8) {
    let mut transaction = login(FIRST, "Bank of X", "4821");
    transaction["approvals"] = json!({"needed": 2, "given": given});
    daemon.answers(
        "BeginApproval",
        json!({
            "transaction": transaction,
            "pin": {"state": "open", "triesLeft": 3},
            "othersMissing": missing
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_agrees_without_a_pin_and_the_last_is_asked_for_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let mari = json!([{"uid": 1001, "name": "mari"}]);
    offers(&stage.daemon, &json!([]), 1);
    offers(&stage.daemon, &json!([]), 1);
    offers(&stage.daemon, &mari, 0);
    let agreed = json!({"needed": 2, "given": mari});
    stage.daemon.answers("Agree", agreed);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));

    let mut person = Person::types_command(&stage, &["approve", FIRST]);
    person
        .reads("Approvals: 0 of 2")
        .reads("No PIN is needed, another member of the group must approve as well. [y/N] ")
        .types("n\r");
    assert_eq!(person.leaves(), 1);
    assert!(stage.daemon.calls("Agree").is_empty());
    let mut person = Person::types_command(&stage, &["approve", FIRST]);
    person
        .reads("[y/N] ")
        .types("y\r")
        .reads("Agreed: 1 of 2 approvals.");
    assert_eq!(person.leaves(), 0);
    assert_eq!(stage.daemon.calls("Agree"), [[FIRST]]);
    assert!(stage.daemon.calls("Approve").is_empty());

    let mut person = Person::types_command(&stage, &["approve", FIRST]);
    person
        .reads("Approvals: 1 of 2 mari (1001)")
        .reads("PIN1: ")
        .types("271828\r")
        .reads("Approved.");
    assert_eq!(person.leaves(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_agrees_only_if_it_says_so_and_its_pin_is_not_passed_on() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    offers(&stage.daemon, &json!([]), 1);
    stage
        .daemon
        .answers("Agree", json!({"needed": 2, "given": [{"uid": 1001}]}));
    let approve = ["--json", "approve", FIRST, "--pin-stdin"];
    let outcome = stage.run(&approve, "271828\n").await;
    assert_eq!(outcome.code, 9, "{outcome:?}");
    assert!(outcome.complaints.contains("--consent"), "{outcome:?}");
    assert!(stage.daemon.calls("Agree").is_empty());

    let outcome = stage
        .run(&[&approve[..], &["--consent"]].concat(), "271828\n")
        .await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let told: Value = serde_json::from_str(&outcome.output).unwrap();
    assert_eq!(told["needed"], 2);
    assert!(stage.daemon.calls("Approve").is_empty());
}
