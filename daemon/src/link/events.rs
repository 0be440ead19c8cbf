//! Pushed events: a stream of server-sent events, or long polls where a stream does not get
//! through.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};
use symbolon_protocol::device::events::{EVENTS_PATH, Event, EventBatch};

use super::body::Body;
use super::call::{no_answer, reply};
use super::sse::{Frame, Parser};
use super::{Link, LinkError};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long the head of a stream's answer may take.
const OPENING_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a long poll may take beyond what was asked for.
const POLL_GRACE: Duration = Duration::from_secs(15);

/// What a stream brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// An event, with its cursor where it has one.
    Event(Option<i64>, Event),
    /// How long to wait before connecting again, should the stream end.
    Retry(Duration),
}

/// An open stream of events.
pub struct EventStream {
    body: Body,
    parser: Parser,
    waiting: VecDeque<Frame>,
}

impl Link {
    /// Opens the stream, after `cursor` if there is one.
    pub async fn open_events(&self, cursor: Option<i64>) -> Result<EventStream, LinkError> {
        let headers = headers("text/event-stream", cursor);
        let opening = self.send(http::Method::GET, EVENTS_PATH, headers, Bytes::new());
        let answer = tokio::time::timeout(OPENING_TIMEOUT, opening)
            .await
            .unwrap_or_else(|_| Err(no_answer(OPENING_TIMEOUT)))?;
        Ok(EventStream {
            body: answer.into_body(),
            parser: Parser::default(),
            waiting: VecDeque::new(),
        })
    }

    /// Waits up to `wait` for events after `cursor`.
    pub async fn poll_events(
        &self,
        cursor: Option<i64>,
        wait: Duration,
    ) -> Result<EventBatch, LinkError> {
        let path = format!("{EVENTS_PATH}?wait={}", wait.as_secs());
        let headers = headers("application/json", cursor);
        let poll = async {
            reply(
                self.send(http::Method::GET, &path, headers, Bytes::new())
                    .await?,
            )
            .await
        };
        let limit = wait + POLL_GRACE;
        tokio::time::timeout(limit, poll)
            .await
            .unwrap_or_else(|_| Err(no_answer(limit)))
    }
}

impl EventStream {
    /// What comes next; `None` when the service ended the stream in good order.
    pub async fn next(&mut self) -> Result<Option<Pushed>, LinkError> {
        loop {
            while let Some(frame) = self.waiting.pop_front() {
                if let Some(pushed) = understand(frame) {
                    return Ok(Some(pushed));
                }
            }
            let Some(octets) = self.body.next().await? else {
                return Ok(None);
            };
            let frames = self
                .parser
                .push(&octets)
                .map_err(|error| LinkError::Misbehaved(error.to_string()))?;
            self.waiting.extend(frames);
        }
    }

    /// Whether more was received already: an acknowledgement can wait for it.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// Events of a kind that we do not know are for newer devices, and skipped.
fn understand(frame: Frame) -> Option<Pushed> {
    match frame {
        Frame::Retry(wait) => Some(Pushed::Retry(wait)),
        Frame::Message { id, data } => {
            let event = serde_json::from_str(&data)
                .inspect_err(|error| tracing::debug!(%error, "skipped an unknown event"))
                .ok()?;
            Some(Pushed::Event(id.and_then(|id| id.parse().ok()), event))
        }
    }
}

fn headers(accept: &'static str, cursor: Option<i64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if let Some(cursor) = cursor {
        headers.insert(LAST_EVENT_ID, HeaderValue::from(cursor));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_with_its_cursor_and_an_unknown_one_skipped() {
        let frame = |id: Option<&str>, data: &str| Frame::Message {
            id: id.map(str::to_owned),
            data: data.to_owned(),
        };
        assert_eq!(
            understand(frame(Some("12"), r#"{"event":"accountChanged"}"#)),
            Some(Pushed::Event(Some(12), Event::AccountChanged {}))
        );
        assert_eq!(
            understand(frame(None, r#"{"event":"accountChanged","cursor":3}"#)),
            Some(Pushed::Event(None, Event::AccountChanged {}))
        );
        assert_eq!(understand(frame(None, r#"{"event":"somethingNew"}"#)), None);
        assert_eq!(understand(frame(None, "not JSON")), None);
    }
}
