//! Who waits on this node, and what wakes them: what was committed, and nothing before.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use symbolon_protocol::device::problem::ProblemCode;
use symbolon_service::sessions::EndResult;

use crate::house::{anybody, document, with_service};
use crate::test_device::TestDevice;

/// Longer than any test takes: what comes comes by a hint.
const LONG: Duration = Duration::from_secs(600);

/// Whether it is over, after one look.
async fn is_ready(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[test]
fn s175_a_waiting_poll_is_handed_what_a_later_one_reads() {
    with_service(
        "waiting::s175_a_waiting_poll_is_handed_what_a_later_one_reads",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let sessions = &house.service.sessions;
            let mut ask = async |id| {
                let waiting = sessions.begin_waiting(&id);
                let begun = house.session(id).await;
                let mut poll = pin!(sessions.await_end(waiting, begun, LONG));
                assert!(!is_ready(poll.as_mut()).await);
                device.approve(&house, id).await.unwrap();
                poll.await.unwrap().unwrap()
            };
            let login = house.ask_login(anybody()).await;
            let signature = house.ask_signature(anybody()).await;
            for id in [login, signature] {
                let handed = ask(id).await;
                assert_eq!(handed.end_result(), Some(EndResult::Ok));
                let read = house.session(id).await;
                assert_eq!(format!("{handed:?}"), format!("{read:?}"));
            }
        },
    );
}

#[test]
fn s176_what_is_not_committed_is_told_to_nobody() {
    with_service(
        "waiting::s176_what_is_not_committed_is_told_to_nobody",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let sessions = &house.service.sessions;
            let id = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, id).await.unwrap();
            let share = device.half(&house, &transaction, 7).await;
            let waiting = sessions.begin_waiting(&id);
            let begun = house.session(id).await;
            let mut poll = pin!(sessions.await_end(waiting, begun, LONG));
            assert!(!is_ready(poll.as_mut()).await);

            // Without it no commit that has a row for the audit trail comes about.
            house.tamper("UPDATE audit_head SET singleton = 2").await;
            let refused = house.call(device.fingerprint(), id, &share).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::Unavailable);
            assert!(!is_ready(poll.as_mut()).await);
            assert!(house.session(id).await.is_running());

            house.tamper("UPDATE audit_head SET singleton = 1").await;
            let confirmed = house.call(device.fingerprint(), id, &share).await.unwrap();
            let handed = poll.await.unwrap().unwrap();
            assert_eq!(handed.end_result(), Some(EndResult::Ok));
            let signed = house.result(id).await.signed.unwrap();
            assert_eq!(signed.signature, confirmed.signature);
        },
    );
}

#[test]
fn s177_a_login_wakes_the_devices_that_it_has_news_for() {
    with_service(
        "waiting::s177_a_login_wakes_the_devices_that_it_has_news_for",
        async |house| {
            let mut first = TestDevice::enrolled(&house, 1).await;
            let second = TestDevice::enrolled(&house, 2).await;
            let hints = house.service.sessions.hints();
            let [firsts, seconds] =
                [&first, &second].map(|device| hints.watch_device(device.document_number.clone()));

            // Asked of both: the one that did not answer is told so.
            let both = house.ask_login(anybody()).await;
            let mut woken = pin!(seconds.changed());
            first.approve(&house, both).await.unwrap();
            assert!(is_ready(woken.as_mut()).await);

            // The next one has waited for the end of this.
            let shown = house.ask_login(document(&first.document_number)).await;
            house.ask_login(document(&second.document_number)).await;
            let mut woken = pin!(seconds.changed());
            first.approve(&house, shown).await.unwrap();
            assert!(is_ready(woken.as_mut()).await);

            // Nothing to tell: nobody reads the store for it.
            let alone = house.ask_login(document(&first.document_number)).await;
            house.tamper("UPDATE prompt SET shown_at = asked_at").await;
            let mut woken = [pin!(firsts.changed()), pin!(seconds.changed())];
            first.approve(&house, alone).await.unwrap();
            for woken in &mut woken {
                assert!(!is_ready(woken.as_mut()).await);
            }
        },
    );
}
