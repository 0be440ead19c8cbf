//! Push: greeting, resuming, polling, acknowledging.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::Request;
use symbolon_protocol::device::events::{
    Acknowledge, EVENTS_PATH, Event, EventBatch, NumberedEvent,
};
use uuid::Uuid;

use crate::house::{House, anybody, collect, with_service};
use crate::test_device::TestDevice;

#[test]
fn a_stream_greets_tells_and_resumes_after_the_last_cursor() {
    with_service(
        "events::a_stream_greets_tells_and_resumes_after_the_last_cursor",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let before = house.ask_login(anybody()).await;
            // Both are to be there at once.
            house.tamper("UPDATE prompt SET shown_at = 1").await;
            let mut stream = SseReader::open(&house, &device, None).await;
            let (id, hello) = stream.next().await.unwrap();
            assert!(id.is_none() && matches!(hello, Event::Hello { .. }));
            let (first, event) = stream.next().await.unwrap();
            assert_eq!(
                event,
                Event::Offered {
                    transaction: before
                }
            );

            // What comes while the stream is open comes by itself.
            let while_open = house.ask_login(anybody()).await;
            let (second, event) = stream.next().await.unwrap();
            assert_eq!(
                event,
                Event::Offered {
                    transaction: while_open
                }
            );
            assert!(second > first);
            drop(stream);

            // A new connection hears again what was not acknowledged; by the last id, what follows.
            let mut stream = SseReader::open(&house, &device, None).await;
            stream.next().await.unwrap();
            assert_eq!(stream.next().await.unwrap().0, first);
            let mut stream = SseReader::open(&house, &device, first).await;
            stream.next().await.unwrap();
            assert_eq!(stream.next().await.unwrap().0, second);

            // What is answered is no news to anybody.
            device.approve(&house, before).await.unwrap();
            let mut stream = SseReader::open(&house, &device, None).await;
            stream.next().await.unwrap();
            assert_eq!(stream.next().await.unwrap().0, second);
            house.service.sessions.hints().stop();
            assert_eq!(stream.next().await, None);
        },
    );
}

#[test]
fn a_poll_waits_for_news_and_hears_only_what_it_did_not_acknowledge() {
    with_service(
        "events::a_poll_waits_for_news_and_hears_only_what_it_did_not_acknowledge",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            assert!(poll(&house, &device, "?wait=0").await.is_empty());
            let (events, session) = tokio::join!(poll(&house, &device, "?wait=20"), async {
                // Whether the poll came first or the session: the poll hears of it.
                tokio::task::yield_now().await;
                house.ask_login(anybody()).await
            });
            assert_eq!(events.len(), 1);
            assert_eq!(
                events[0].event,
                Event::Offered {
                    transaction: session
                }
            );

            let acknowledge = |cursor| Acknowledge { cursor };
            let by = device.fingerprint();
            // A cursor that was never given acknowledges nothing.
            for cursor in [events[0].cursor + 5, i64::MAX, -1] {
                house
                    .call(by, Uuid::nil(), &acknowledge(cursor))
                    .await
                    .unwrap();
                assert_eq!(poll(&house, &device, "").await, events);
            }
            let done = acknowledge(events[0].cursor);
            house.call(by, Uuid::nil(), &done).await.unwrap();
            assert!(poll(&house, &device, "").await.is_empty());
            assert_eq!(poll(&house, &device, "?after=0").await, events);
        },
    );
}

async fn poll(house: &House, device: &TestDevice, query: &str) -> Vec<NumberedEvent> {
    let request = Request::get(format!("{EVENTS_PATH}{query}"))
        .header("accept", "application/json")
        .body(Body::empty())
        .unwrap();
    let response = house.send(Some(device.fingerprint()), request).await;
    assert_eq!(response.status(), 200);
    let batch: EventBatch = serde_json::from_slice(&collect(response).await).unwrap();
    batch.events
}

/// Reads server-sent events as the WHATWG describes them (HTML section 9.2.6), as far as we send.
struct SseReader {
    body: BodyDataStream,
    unread: String,
}

impl SseReader {
    async fn open(house: &House, device: &TestDevice, last: Option<i64>) -> Self {
        let mut request = Request::get(EVENTS_PATH).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = house.send(Some(device.fingerprint()), request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            unread: String::new(),
        }
    }

    async fn next(&mut self) -> Option<(Option<i64>, Event)> {
        let deadline = Duration::from_secs(20);
        loop {
            if let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
                let id = field("id: ").map(|id| id.parse().unwrap());
                let event = serde_json::from_str(field("data: ").unwrap()).unwrap();
                self.unread = rest.to_owned();
                return Some((id, event));
            }
            let chunk = tokio::time::timeout(deadline, self.body.next()).await;
            let chunk = chunk.expect("no event came")?;
            self.unread
                .push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }
}
