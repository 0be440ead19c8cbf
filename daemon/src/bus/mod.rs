//! The daemon on D-Bus: one object, one interface; its messages, its errors and the client side.
//!
//! Every reply that is more than a scalar is one JSON string of a type in [`messages`]. Secrets
//! (PINs, the enrolment code) travel through pipes whose reading ends are passed, never in a
//! message. Signals go to subscribers only, each by itself, and only about their own accounts.

pub mod client;
pub(crate) mod departure;
pub mod fault;
pub mod messages;
pub mod server;

/// The well-known name.
pub const BUS_NAME: &str = "org.symbolon.Symbolon1";
/// How many members of a group may have to approve: more do not come together while a transaction
/// waits.
pub const MOST_APPROVALS: u8 = 16;
/// The one object.
pub const OBJECT_PATH: &str = "/org/symbolon/Symbolon1";
/// The one interface.
pub const INTERFACE: &str = "org.symbolon.Symbolon1";
