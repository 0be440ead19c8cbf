//! `symbolon watch`, which only listens.

use serde_json::{Value, json};

use crate::fake_daemon::{DOCUMENT, FIRST, SECOND, account, login};
use crate::person::Person;
use crate::stage::Stage;

fn pending(transactions: &[Value]) -> Value {
    json!({"transactions": transactions, "notAsked": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_what_waits_what_comes_and_what_becomes_of_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (first, second) = (
        login(FIRST, "Bank of X", "4821"),
        login(SECOND, "Bank of Y", "0007"),
    );
    let daemon = &stage.daemon;
    daemon.answers("ListPending", pending(std::slice::from_ref(&first)));
    daemon.answers("ListPending", pending(&[first, second]));
    let accounts = json!({"accounts": [account(DOCUMENT)], "damaged": []});
    daemon.answers("ListAccounts", accounts);

    let mut person = Person::types_command(&stage, &["watch"]);
    person.reads("0a000000  waits  login (PIN1)  Bank of X  code 4821  Log in to the bank");
    daemon.tells("Offered", &SECOND).await;
    person.reads("0b000000  waits  login (PIN1)  Bank of Y  code 0007");
    daemon.withdraws(FIRST, "approved").await;
    person.reads("0a000000  approved: Bank of X");
    daemon.withdraws(SECOND, "of a newer daemon").await;
    person.reads("0b000000  of a newer daemon: Bank of Y");
    daemon.tells("AccountChanged", &DOCUMENT).await;
    person
        .reads("PNOEE-30303039914-MOCK-Q  PIN1 3 tries left, PIN2 locked until ")
        .types("\x03");
    assert_eq!(person.leaves(), 130);
    let screen = person.seen();
    assert_eq!(screen.matches("waits").count(), 2, "{screen}");
    // One look at the beginning and one for the signal: nothing is asked in between.
    assert_eq!(daemon.calls("ListPending").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlives_the_daemon_and_tells_what_waits_anew() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = &stage.daemon;
    daemon.answers("ListPending", pending(&[login(FIRST, "Bank of X", "4821")]));

    let mut person = Person::types_command(&stage, &["watch", "--json"]);
    person
        .reads(r#"{"event":"offered","transaction":{"#)
        .reads(FIRST);
    daemon.goes().await;
    person.reads(r#"{"event":"daemonGone"}"#);
    daemon.comes_back().await;
    person
        .reads(r#"{"event":"daemonBack"}"#)
        .reads(r#"{"event":"offered""#)
        .reads(FIRST);
    daemon.withdraws(FIRST, "expired").await;
    person
        .reads(r#"{"event":"withdrawn","id":""#)
        .reads(r#""reason":"expired""#)
        .types("\x03");
    assert_eq!(person.leaves(), 130);
}
