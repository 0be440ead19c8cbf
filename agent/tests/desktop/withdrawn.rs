//! Requests that end without the person's answer here.

use crate::fake_daemon::{FakeDaemon, login};
use crate::fake_logind::FakeLogind;
use crate::process::eventually;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_shown_request_vanishes_when_it_is_taken_back() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    daemon.withdraw("t1", "expired").await;
    dunst.shows(0).await;
    assert_eq!(on_session.named("CloseNotification").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_vanishes_when_another_device_answers() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    daemon.withdraw("t1", "answeredElsewhere").await;
    stage.pinentry.gone().await;
    eventually("a word about it", async || {
        on_session.named("Notify").iter().any(|call| {
            let body = call.body();
            body.data()
                .windows(17)
                .any(|window| window == b"on another device")
        })
    })
    .await;
    assert!(daemon.pins().is_empty());
    assert!(daemon.refused().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_shows_nothing() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let logind = FakeLogind::start(&stage.system, true).await;
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    daemon.subscribed().await;
    let dunst = stage.dunst().await;
    assert_eq!(dunst.displayed().await, 0);

    logind.lock(false).await;
    dunst.shows(1).await;
    assert_eq!(on_session.named("Notify").len(), 1);
    logind.lock(true).await;
    dunst.shows(0).await;
    logind.lock(false).await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    logind.lock(true).await;
    stage.pinentry.gone().await;
    assert!(daemon.refused().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dismissed_stays_away_and_the_next_one_comes() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    daemon.keep(login("t2", "Bank of Y", "Log in", "1284"));
    let _agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.dismiss().await;
    eventually("the second one", async || {
        on_session.named("Notify").len() == 2
    })
    .await;
    dunst.shows(1).await;
    daemon
        .offer(login("t3", "Bank of Z", "Log in", "5555"))
        .await;
    daemon.withdraw("t2", "expired").await;
    eventually("the third one", async || {
        on_session.named("Notify").len() == 3
    })
    .await;
    assert!(daemon.refused().is_empty());
}
