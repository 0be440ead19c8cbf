//! The command in a terminal, with a person at it.

use serde_json::json;
use symbolon_daemon::bus::fault::FaultKind;

use crate::fake_daemon::{DOCUMENT, FIRST, SECOND, account, certificate, choice, login};
use crate::person::Person;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn approving_shows_all_first_and_forgives_a_wrong_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "wrongPin", "triesLeft": 2}));
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let mut person = Person::types_command(&stage, &["approve"]);
    person
        .reads("Bank of X wants you to log in.")
        .reads("Log in to the bank")
        .reads("Code: 4821")
        .reads("shows the same code")
        .reads("PIN1: ")
        .types("314158\x7f9\r")
        .reads("wrong PIN; 2 tries left")
        .reads("PIN1: ")
        .types("99\x15271828\n")
        .reads("Approved.");
    assert_eq!(person.leaves(), 0);
    assert_eq!(
        stage.daemon.calls("Approve"),
        [[FIRST, "314159"], [FIRST, "271828"]]
    );
    let screen = person.seen();
    assert!(
        !screen.contains("314") && !screen.contains("271828"),
        "{screen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_handed_out_by_a_yes_and_by_nothing_else() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let request = certificate(FIRST, "Bank of X");
    stage.daemon.offers(&[request]);
    stage
        .daemon
        .answers("Consent", json!({"linkedWithinSeconds": null}));
    for no in ["\r", "n\r", "1593\r"] {
        let mut person = Person::types_command(&stage, &["approve"]);
        person.reads("No PIN is needed. [y/N] ").types(no);
        assert_eq!(person.leaves(), 1, "{no:?}");
    }
    assert!(stage.daemon.calls("Consent").is_empty());
    let mut person = Person::types_command(&stage, &["approve"]);
    person
        .reads("Bank of X wants to know your signing certificate")
        .reads("No PIN is needed. [y/N] ")
        .types("y\r")
        .reads("Nothing was signed.");
    assert_eq!(person.leaves(), 0);
    assert_eq!(stage.daemon.calls("Consent"), [[FIRST]]);
    assert!(stage.daemon.calls("Approve").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_prompt_gives_the_terminal_back_and_sends_nothing() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    for ending in ["2718\x03", "\x04", "\x1c"] {
        let mut person = Person::types_command(&stage, &["approve"]);
        person.reads("PIN1: ").types(ending);
        assert_eq!(person.leaves(), 130);
    }
    let mut person = Person::types_command(&stage, &["approve"]);
    person.reads("PIN1: ").types("\r");
    assert_eq!(person.leaves(), 1);
    assert!(stage.daemon.calls("Approve").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_prompt_gives_the_terminal_back() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    let mut person = Person::types_command(&stage, &["approve"]);
    person.reads("PIN1: ");
    person.terminates_command();
    assert_eq!(person.leaves(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_of_no_use_any_more_is_taken_back() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let mut message = login(FIRST, "Bank of X", "4821");
    message["interaction"] = json!("confirmationMessage");
    stage
        .daemon
        .offers(&[login(FIRST, "Bank of X", "4821"), message]);
    for (question, reason, said) in [
        ("PIN1: ", "answeredElsewhere", "was answered already"),
        ("[y/N] ", "expired", "time is over"),
        ("[y/N] ", "of a newer daemon", "start again"),
    ] {
        let mut person = Person::types_command(&stage, &["approve", FIRST]);
        person.reads(question);
        stage.daemon.withdraws(SECOND, reason).await;
        person.types("271828");
        stage.daemon.withdraws(FIRST, reason).await;
        // Who does not look up goes on typing.
        person.types("182845").reads(said);
        assert_eq!(person.leaves(), 8);
        assert!(stage.daemon.calls("Approve").is_empty());
        let screen = person.seen();
        assert!(
            question != "PIN1: " || !screen.contains("271828"),
            "{screen}"
        );
        assert!(
            question != "PIN1: " || !screen.contains("182845"),
            "{screen}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_chosen_before_the_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let request = choice(FIRST, "Bank of X", ["1111", "4821", "2222"]);
    stage.daemon.offers(&[request]);
    for outcome in ["right", "right", "wrong"] {
        stage
            .daemon
            .answers("ChooseCode", json!({"outcome": outcome}));
    }
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));

    let question = "Which code does the relying party show? ";
    let mut person = Person::types_command(&stage, &["approve"]);
    person
        .reads("One of these codes: 1111  4821  2222")
        .reads(question)
        .types("9999\r")
        .reads("none of the three")
        .reads(question)
        .types("4821\r")
        .reads("PIN1: ")
        .types("271828\r")
        .reads("Approved.");
    assert_eq!(person.leaves(), 0);
    assert_eq!(stage.daemon.calls("ChooseCode"), [[FIRST, "4821"]]);

    let mut person = Person::types_command(&stage, &["approve", "--code", "4821"]);
    person.reads("PIN1: ").types("271828\r").reads("Approved.");
    assert_eq!(person.leaves(), 0);

    let mut person = Person::types_command(&stage, &["approve"]);
    person
        .reads(question)
        .types("1111\r")
        .reads("the request is over");
    assert_eq!(person.leaves(), 1);
    let mut person = Person::types_command(&stage, &["approve"]);
    person.reads(question).types("\r");
    assert_eq!(person.leaves(), 1);
    assert_eq!(stage.daemon.calls("ChooseCode").len(), 3);
    assert_eq!(stage.daemon.calls("Approve").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_pin_is_asked_again_and_a_lock_ends_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.offers(&[login(FIRST, "Bank of X", "4821")]);
    let not_a_pin = "a PIN has digits only; type it again";
    stage
        .daemon
        .fails("Approve", FaultKind::InvalidPin, not_a_pin);
    stage.daemon.answers(
        "Approve",
        json!({
            "outcome": "locked", "by": "authentication",
            "until": 1_795_010_800, "remainingSeconds": 10_800
        }),
    );
    let mut person = Person::types_command(&stage, &["approve", FIRST]);
    person
        .reads("PIN1: ")
        .types("abc\r")
        .reads(not_a_pin)
        .reads("PIN1: ")
        .types("314159\r")
        .reads("locked after wrong PIN1 entries until 2026-11-18 16:06");
    assert_eq!(person.leaves(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_the_person_chooses() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let pending = [login(FIRST, "Bank", "4821"), login(SECOND, "Tax", "1284")];
    stage.daemon.offers(&pending);
    stage.daemon.answers("Refuse", json!({}));
    let mut person = Person::types_command(&stage, &["refuse"]);
    person
        .reads("1  4821  PIN1  Bank")
        .reads("2  1284  PIN1  Tax")
        .reads("(1 to 2): ")
        .types("7\r")
        .reads("(1 to 2): ")
        .types("2\r")
        .reads("Refused");
    assert_eq!(person.leaves(), 0);
    assert_eq!(stage.daemon.calls("Refuse"), [[SECOND]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_message_is_confirmed_before_the_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let mut message = login(FIRST, "Bank of X", "4821");
    message["interaction"] = json!("confirmationMessage");
    stage.daemon.offers(&[message]);
    stage
        .daemon
        .answers("Approve", json!({"outcome": "accepted"}));
    let mut person = Person::types_command(&stage, &["approve"]);
    person.reads("Is this what you want? [y/N] ").types("\r");
    assert_eq!(person.leaves(), 1);
    assert!(stage.daemon.calls("Approve").is_empty());
    let mut person = Person::types_command(&stage, &["approve"]);
    person
        .reads("[y/N] ")
        .types("y\r")
        .reads("PIN1: ")
        .types("271828\r");
    assert_eq!(person.leaves(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_asks_twice_and_forgives() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let too_simple = "the PIN is a row; choose another";
    stage
        .daemon
        .fails("Enrol", FaultKind::PinRefused, too_simple);
    stage.daemon.answers(
        "Enrol",
        json!({
            "documentNumber": DOCUMENT, "person": "PNOEE-30303039914", "givenName": "MARI",
            "surname": "MAASIKAS", "level": "QUALIFIED", "hardware": "TPM 2.0 IFX 7.85"
        }),
    );
    let mut person = Person::types_command(&stage, &["enrol", "--device-name", "laptop"]);
    person
        .reads("One-time code from the service: ")
        .types("ABCD-1234\r");
    // Mistyped once, then too simple.
    person
        .reads("New PIN1 (4 to 12 digits): ")
        .types("123456\r");
    person.reads("New PIN1 again: ").types("123457\r");
    person
        .reads("not the same")
        .reads("New PIN1 (")
        .types("123456\r");
    person.reads("New PIN1 again: ").types("123456\r");
    person
        .reads("New PIN2 (5 to 12 digits): ")
        .types("3141592\r");
    person.reads("New PIN2 again: ").types("3141592\r");
    person.reads(too_simple);
    person.reads("New PIN1 (").types("271828\r");
    person.reads("again: ").types("271828\r");
    person.reads("New PIN2 (").types("3141592\r");
    person.reads("again: ").types("3141592\r");
    person.reads("Enrolled MARI MAASIKAS").reads(DOCUMENT);
    assert_eq!(person.leaves(), 0);
    let enrolled = stage.daemon.calls("Enrol");
    assert_eq!(
        enrolled[0],
        ["", "ABCD-1234", "laptop", "123456", "3141592"]
    );
    assert_eq!(
        enrolled[1],
        ["", "ABCD-1234", "laptop", "271828", "3141592"]
    );
    let screen = person.seen();
    assert!(screen.contains("ABCD-1234"));
    for pin in ["123456", "123457", "271828", "3141592"] {
        assert!(!screen.contains(pin), "{screen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_pin_asks_for_the_old_one_and_twice_for_the_new_one() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers(
        "ListAccounts",
        json!({"accounts": [account(DOCUMENT)], "damaged": []}),
    );
    stage
        .daemon
        .answers("ChangePin", json!({"outcome": "wrongPin", "triesLeft": 2}));
    stage
        .daemon
        .answers("ChangePin", json!({"outcome": "accepted"}));
    let mut person = Person::types_command(&stage, &["pin", "change", "pin1"]);
    person.reads("Old PIN1: ").types("1111\r");
    person.reads("New PIN1 (").types("161803\r");
    person.reads("again: ").types("161803\r");
    person.reads("wrong PIN; 2 tries left");
    person.reads("Old PIN1: ").types("271828\r");
    person.reads("New PIN1 (").types("161803\r");
    person.reads("again: ").types("161803\r");
    person.reads("PIN1 is changed.");
    assert_eq!(person.leaves(), 0);
    assert_eq!(
        stage.daemon.calls("ChangePin")[1],
        [DOCUMENT, "authentication", "271828", "161803"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_needs_the_document_number_twice() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.daemon.answers("Delete", json!({}));
    let mut person = Person::types_command(&stage, &["delete", DOCUMENT]);
    person
        .reads("nothing brings them back")
        .reads("to go on: ")
        .types("PNOEE-30303039914-MOCK-B\r")
        .reads("nothing was deleted");
    assert_eq!(person.leaves(), 1);
    assert!(stage.daemon.calls("Delete").is_empty());
    let mut person = Person::types_command(&stage, &["delete", DOCUMENT]);
    person.reads("to go on: ").types(DOCUMENT).types("\r");
    person.reads("Deleted");
    assert_eq!(person.leaves(), 0);
    assert_eq!(stage.run(&["delete", DOCUMENT, "--yes"], "").await.code, 0);
    assert_eq!(stage.daemon.calls("Delete"), [[DOCUMENT], [DOCUMENT]]);
}
