//! The agent's own beginning and end, and those of its partners.

use rustix::process::Signal;

use crate::fake_daemon::{FakeDaemon, login};
use crate::process::{Process, eventually};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_agent_leaves_nothing_on_the_screen() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let mut agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    agent.signal(Signal::TERM);
    assert!(agent.ended().await.success());
    dunst.shows(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_agent_takes_its_prompt_along() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let mut agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    agent.signal(Signal::TERM);
    assert!(agent.ended().await.success());
    stage.pinentry.gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_takes_its_prompt_along() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let mut agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
    agent.signal(Signal::KILL);
    agent.ended().await;
    stage.pinentry.gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_agent_left_is_closed() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let mut agent = stage.start_agent().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    agent.signal(Signal::KILL);
    agent.ended().await;
    stage.agent_gone().await;
    assert_eq!(dunst.displayed().await, 1);
    // By the unit that stops it, or by the next agent.
    let mut closing = stage.agent_command();
    let closed = Process::start(closing.arg("--close-notifications"))
        .ended()
        .await;
    assert!(closed.success());
    dunst.shows(0).await;

    let mut agent = stage.start_agent().await;
    dunst.shows(1).await;
    agent.signal(Signal::KILL);
    agent.ended().await;
    stage.agent_gone().await;
    daemon.withdraw("t1", "expired").await;
    let _agent = stage.start_agent().await;
    dunst.shows(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_agent_in_a_session() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let _agent = stage.start_agent().await;
    daemon.subscribed().await;
    let second = Process::start(&mut stage.agent_command()).ended().await;
    assert!(second.success());
    assert!(
        stage
            .agent_log()
            .contains("another agent serves this session")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_daemon_is_subscribed_to_again() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    // The agent comes first.
    let _agent = stage.start_agent().await;
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.subscribed().await;
    daemon
        .offer(login("t1", "Bank of X", "Log in", "4821"))
        .await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    daemon.stop().await;
    dunst.shows(0).await;
    let daemon = FakeDaemon::start(&stage.system).await;
    daemon.subscribed().await;
    daemon
        .offer(login("t2", "Bank of X", "Log in", "4821"))
        .await;
    dunst.shows(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_notification_server_shows_it_again() {
    let Some(mut stage) = Stage::set().await else {
        return;
    };
    let daemon = FakeDaemon::start(&stage.system).await;
    let on_session = stage.session.record().await;
    daemon.keep(login("t1", "Bank of X", "Log in", "4821"));
    let _agent = stage.start_agent().await;
    stage.dunst().await.shows(1).await;
    stage.start_dunst().await;
    let dunst = stage.dunst().await;
    dunst.shows(1).await;
    eventually("the record", async || on_session.named("Notify").len() == 2).await;
    dunst.click().await;
    stage.pinentry.asked(1).await;
}
