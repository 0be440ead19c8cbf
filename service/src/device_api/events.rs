//! Push: a stream of server-sent events, or one batch for who polls.
//!
//! Between looking and waiting nothing is missed: the wait is armed before the store is read. The
//! hint that ends a wait says only "look again"; what is sent comes from the store.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use symbolon_protocol::device::Done;
use symbolon_protocol::device::events::{Acknowledge, Event, EventBatch, NumberedEvent};
use symbolon_protocol::identifiers::DocumentNumber;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Caller, Shared, problem};
use crate::accounts::{DeviceFingerprint, Standing};
use crate::clock::Timestamp;
use crate::deliveries;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::DeviceWatch;
use crate::store::{Store, StoreError};

/// How often a device should ping an idle connection: below every usual limit of idle paths.
const KEEP_ALIVE_SECONDS: u32 = 240;

/// The longest wait of a poll, in seconds.
const LONGEST_WAIT: u64 = 55;

/// The query of the events' path.
#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    /// Seconds to wait for something to happen.
    wait: Option<u64>,
    /// Only events after this one, for who polls; a stream says it by `Last-Event-ID`.
    after: Option<i64>,
}

pub(super) async fn fetch(
    State(service): State<Shared>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let stopping = service.sessions.hints().stopping();
    match begin(&service, &caller, &parameters, &headers).await {
        Err(refusal) => problem::respond(&refusal),
        Ok(feed) if wants_stream(&headers) => stream_of(feed, stopping),
        Ok(feed) => {
            let wait = parameters.wait.unwrap_or(0).min(LONGEST_WAIT);
            match batch_of(feed, Duration::from_secs(wait), stopping).await {
                Ok(batch) => axum::Json(batch).into_response(),
                Err(error) => problem::respond(&Refusal::from(error)),
            }
        }
    }
}

/// Notes what the device has handled.
pub(super) async fn acknowledge(
    service: &Service,
    device: &DeviceFingerprint,
    acknowledge: &Acknowledge,
) -> Result<Done, Refusal> {
    let account = service.account_of(device).await?;
    deliveries::acknowledge(&service.store, account.document_number, acknowledge.cursor).await?;
    Ok(Done {})
}

/// A device's events from some cursor on.
struct Feed {
    store: Store,
    document_number: DocumentNumber,
    watch: DeviceWatch,
    cursor: Option<i64>,
}

impl Feed {
    async fn next(&mut self) -> Result<Vec<NumberedEvent>, StoreError> {
        let events = deliveries::after(&self.store, &self.document_number, self.cursor).await?;
        if let Some(last) = events.last() {
            self.cursor = Some(last.cursor);
        }
        Ok(events)
    }
}

async fn begin(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Feed, Refusal> {
    let account = service.account_of(&caller.device).await?;
    if account.standing == Standing::Registered {
        return Err(Refusal::not_found("activated account"));
    }
    Ok(Feed {
        store: service.store.clone(),
        watch: service
            .sessions
            .hints()
            .watch_device(account.document_number.clone()),
        document_number: account.document_number,
        cursor: last_event_id(headers).or(parameters.after),
    })
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"))
}

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

async fn batch_of(
    mut feed: Feed,
    wait: Duration,
    mut stopping: watch::Receiver<bool>,
) -> Result<EventBatch, StoreError> {
    let deadline = Instant::now() + wait;
    loop {
        let changed = feed.watch.changed();
        let events = feed.next().await?;
        if !events.is_empty() || Instant::now() >= deadline || *stopping.borrow() {
            return Ok(EventBatch { events });
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(deadline) => {}
            _ = stopping.changed() => {}
        }
    }
}

fn stream_of(feed: Feed, stopping: watch::Receiver<bool>) -> Response {
    let hello = Event::Hello {
        server_time: Timestamp::now().seconds(),
        keep_alive_seconds: KEEP_ALIVE_SECONDS,
    };
    let first = stream::iter(sse_event(None, &hello));
    let events = futures_util::StreamExt::chain(first, events_of(feed, stopping));
    let mut response =
        Sse::new(futures_util::StreamExt::map(events, Ok::<_, Infallible>)).into_response();
    // nginx would keep events back otherwise.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Ends when the service stops or the store fails; the device then comes back by itself.
fn events_of(feed: Feed, stopping: watch::Receiver<bool>) -> impl Stream<Item = sse::Event> {
    let state = (feed, stopping, Vec::<NumberedEvent>::new().into_iter());
    stream::unfold(state, async |(mut feed, mut stopping, mut ready)| {
        loop {
            if let Some(event) = ready.next() {
                let event = sse_event(Some(event.cursor), &event.event)?;
                return Some((event, (feed, stopping, ready)));
            }
            let changed = feed.watch.changed();
            ready = match feed.next().await {
                Ok(events) => events.into_iter(),
                Err(error) => {
                    tracing::error!(%error, "an event stream ends: the store failed");
                    return None;
                }
            };
            if ready.len() > 0 {
                continue;
            }
            if *stopping.borrow_and_update() {
                return None;
            }
            tokio::select! {
                () = changed => {}
                _ = stopping.changed() => {}
            }
        }
    })
}

fn sse_event(cursor: Option<i64>, event: &Event) -> Option<sse::Event> {
    let framed = sse::Event::default().json_data(event).ok()?;
    Some(match cursor {
        Some(cursor) => framed.id(cursor.to_string()),
        None => framed,
    })
}
