//! Push: server-sent events with a cursor, and long polling as the fallback.
//!
//! `GET /device/v1/events` with `Accept: text/event-stream` streams [`Event`]s; each `id:` is the
//! device's cursor, and `Last-Event-ID` resumes after it. With `?wait=SECONDS` and
//! `Accept: application/json` the same path answers one [`EventBatch`] as soon as there is one.
//! An event is a hint: what it announces stands in the store and can be listed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Done, Exchange, Method};

/// Where events are fetched.
pub const EVENTS_PATH: &str = "/device/v1/events";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// First on every stream.
    Hello {
        /// The service's clock, Unix seconds.
        server_time: i64,
        /// How often the device should ping an idle connection.
        keep_alive_seconds: u32,
    },
    /// A transaction waits for this device.
    Offered {
        /// Fetch it by this.
        transaction: Uuid,
    },
    /// A transaction no longer waits for this device.
    Withdrawn {
        /// Which.
        transaction: Uuid,
        /// Why.
        reason: Withdrawal,
    },
    /// The account's state changed (locked, released, closed): fetch it anew.
    AccountChanged {},
}

/// Why a transaction was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Withdrawal {
    /// Another device of the same person answered it.
    AnsweredElsewhere,
    /// Its time is over.
    Expired,
    /// The account was locked or closed.
    AccountUnusable,
}

/// An event and its place in the device's order of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEvent {
    /// Rises by event; per device.
    pub cursor: i64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// The answer to a long poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// In the order of their cursors; empty if nothing happened in time.
    pub events: Vec<NumberedEvent>,
}

/// Tells the service that everything up to `cursor` has been handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// The last handled event.
    pub cursor: i64,
}

impl Exchange for Acknowledge {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/events/acknowledge";
}
