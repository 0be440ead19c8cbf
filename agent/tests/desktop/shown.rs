//! What is shown, and what the person's answers lead to.

use std::collections::HashMap;

use serde_json::json;
use zbus::zvariant::OwnedValue;

use crate::bus::Recording;
use crate::fake_daemon::{FakeDaemon, certificate, choice, login};
use crate::process::eventually;
use crate::stage::Stage;

type Notify = (
    String,
    u32,
    String,
    String,
    String,
    Vec<String>,
    HashMap<String, OwnedValue>,
    i32,
);

fn notified(recording: &Recording) -> Vec<Notify> {
    let calls = recording.named("Notify");
    let bodies = calls.iter().map(|call| call.body().deserialize());
    bodies.collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_shown_and_approved_by_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let (on_session, on_system) = (stage.session.record().await, stage.system.record().await);
    let _agent = stage.start_agent().await;
    daemon.subscribed().await;

    daemon
        .offer(login("t1", "Bank of X", "Log in to the bank", "4821"))
        .await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    eventually("the call's record", async || {
        !notified(&on_session).is_empty()
    })
    .await;
    let (_, replaces, _, summary, body, actions, hints, expiry) =
        notified(&on_session).pop().unwrap();
    assert_eq!(summary, "Code 4821");
    assert_eq!(body, "Bank of X\nwants you to log in:\nLog in to the bank");
    assert_eq!((replaces, expiry), (0, 0));
    let keys: Vec<&str> = actions.iter().step_by(2).map(String::as_str).collect();
    assert_eq!(keys, ["default", "approve", "reject", "not-mine"]);
    assert_eq!(hints["urgency"], OwnedValue::from(2_u8));
    assert!(hints.contains_key("desktop-entry"));
    assert!(!hints.contains_key("resident"));
    assert!(!hints.contains_key("x-gnome-privacy-scope"));

    // The button alone approves nothing, and the notification does not cover the prompt.
    daemon.judge([json!({"outcome": "wrongPin", "triesLeft": 2})]);
    dunst.click().await;
    stage.pinentry.asked(1).await;
    dunst.shows(0).await;
    assert_eq!(daemon.begun(), ["t1"]);
    assert!(daemon.pins().is_empty());
    stage.pinentry.answer("D 314159\nOK");
    stage.pinentry.asked(2).await;
    stage.pinentry.answer("D 271828\nOK");
    eventually("both PINs", async || daemon.pins().len() == 2).await;
    assert_eq!(daemon.pins(), ["314159", "271828"]);

    let asked = stage.pinentry.log();
    assert!(
        asked.contains("SETDESC Code 4821%0A%0ABank of X%0A"),
        "{asked}"
    );
    assert!(asked.contains("SETPROMPT PIN1:\n"));
    assert!(asked.contains("SETERROR Wrong PIN, 2 tries left\n"));
    assert!(!asked.contains("KEYINFO") && !asked.contains("cache"));
    stage.pinentry.gone().await;
    dunst.shows(0).await;

    for recording in [&on_session, &on_system] {
        assert!(!recording.holds(b"314159") && !recording.holds(b"271828"));
    }
    eventually("the verdict in the log", async || {
        stage.agent_log().contains("approved")
    })
    .await;
    let log = stage.agent_log();
    assert!(!log.contains("271828") && !log.contains("314159"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_markup_is_text() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login(
        "t1",
        "<b>Bank</b> & <a href='http://evil.example'>Co</a>",
        "</b><span size='xx-large'>Code 9999</span>\nCode 9999",
        "4821",
    ));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    let expected = [
        "&lt;b&gt;Bank&lt;/b&gt; &amp; &lt;a href=&apos;http://evil.example&apos;&gt;Co&lt;/a&gt;",
        "wants you to log in:",
        "&lt;/b&gt;&lt;span size=&apos;xx-large&apos;&gt;Code 9999&lt;/span&gt;\u{fffd}Code 9999",
    ];
    eventually("the call's record", async || {
        !notified(&on_session).is_empty()
    })
    .await;
    let (_, _, _, summary, body, ..) = notified(&on_session).pop().unwrap();
    assert_eq!(summary, "Code 4821");
    assert_eq!(body, expected.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reject_button_refuses_at_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.press().await;
    eventually("the refusal", async || daemon.refused() == ["t1"]).await;
    dunst.shows(0).await;
    assert!(stage.pinentry.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_not_mine_button_says_so() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    stage.reach_for("Not mine");
    dunst.press().await;
    eventually("the report", async || daemon.disowned() == ["t1"]).await;
    dunst.shows(0).await;
    assert!(daemon.refused().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_handed_out_by_its_button_without_a_prompt() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(certificate("t1", "Bank of X"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    stage.reach_for("Confirm");
    dunst.press().await;
    eventually("the consent", async || daemon.consented() == ["t1"]).await;
    dunst.shows(0).await;
    assert!(stage.pinentry.log().is_empty());
}

/// A click alone agrees to nothing, and nobody is asked for a PIN that would not be taken.
#[tokio::test(flavor = "multi_thread")]
async fn where_others_must_approve_as_well_the_person_agrees_without_a_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.want_others(1);
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    let log = stage.pinentry.log();
    assert!(log.contains("CONFIRM") && !log.contains("GETPIN"), "{log}");
    assert!(log.contains("another member of the group"), "{log}");
    assert!(daemon.agreed().is_empty());
    stage.pinentry.answer("OK");
    eventually("the agreement", async || daemon.agreed() == ["t1"]).await;
    // What it led to is told.
    dunst.shows(1).await;
    assert!(daemon.pins().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prompts_reject_refuses_and_its_timeout_does_not() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    daemon.keep(login("t2", "Bank of Y", "Log in", "1284"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    stage.pinentry.answer("ERR 83886142 Timeout <Pinentry>");
    // The next one only now.
    dunst.shows(1).await;
    assert!(daemon.refused().is_empty());
    dunst.click().await;
    stage.pinentry.asked(2).await;
    stage
        .pinentry
        .answer("ERR 83886179 Operation cancelled <Pinentry>");
    eventually("the refusal", async || daemon.refused() == ["t2"]).await;
    assert!(daemon.pins().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_chosen_by_its_button_before_the_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.expect_code("4821");
    daemon.keep(choice("t1", "Bank of X", ["1111", "4821", "2222"]));
    daemon.keep(choice("t2", "Bank of Y", ["3333", "4821", "5555"]));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    eventually("the call's record", async || {
        !notified(&on_session).is_empty()
    })
    .await;
    let (_, _, _, summary, body, actions, ..) = notified(&on_session).pop().unwrap();
    assert_eq!(summary, "Login request");
    assert!(body.ends_with("\nPress the code that is shown there."));
    let labels: Vec<&str> = actions
        .iter()
        .skip(1)
        .step_by(2)
        .map(String::as_str)
        .collect();
    assert_eq!(labels, ["1111", "4821", "2222", "Reject", "Not mine"]);

    // There is nothing that a click on the whole could mean.
    assert!(!actions.contains(&"default".to_owned()));
    stage.reach_for("4821");
    dunst.press().await;
    stage.pinentry.asked(1).await;
    assert_eq!(daemon.picked(), ["4821"]);
    assert!(stage.pinentry.log().contains("SETDESC Code 4821%0A"));
    stage.pinentry.answer("D 271828\nOK");
    eventually("the PIN", async || daemon.pins() == ["271828"]).await;

    dunst.shows(1).await;
    stage.reach_for("3333");
    dunst.press().await;
    eventually("a word about the wrong code", async || {
        notified(&on_session)
            .iter()
            .any(|call| call.4.contains("not the code that is shown there"))
    })
    .await;
    assert_eq!(daemon.picked(), ["4821", "3333"]);
    assert_eq!(daemon.pins().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_asks_for_no_pin() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.stand(json!({
        "state": "locked", "by": "authentication", "until": 1, "remainingSeconds": 10_800
    }));
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    eventually("a word about the lock", async || {
        notified(&on_session).iter().any(|call| {
            call.4
                .contains("locked after wrong PINs. Try again in 3 h 0 min")
        })
    })
    .await;
    assert!(stage.pinentry.log().is_empty());
}
