//! The device API's messages: JSON over HTTP/2 and TLS 1.3, under `/device/v1`.
//!
//! A device is known by the public key of its TLS client certificate, so no message carries an
//! account to act on. Each request type names its method, path and reply ([`Exchange`]), so that
//! route, request and reply cannot drift apart. Times are Unix seconds by the service's clock;
//! what a device must count down is also given as a duration, because its own clock may be wrong.

pub mod account;
pub mod enrolment;
pub mod events;
pub mod link;
pub mod lock;
pub mod pin;
pub mod problem;
pub mod transaction;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest body that either side accepts, in octets. The largest real one, a pending list of
/// a flooded account, stays far below.
pub const MAX_BODY: usize = 256 * 1024;

/// One request and its reply.
pub trait Exchange: Serialize + DeserializeOwned {
    /// What the service answers with status 200.
    type Reply: Serialize + DeserializeOwned;
    /// The HTTP method. A `Get` has no body.
    const METHOD: Method;
    /// The path template, with `{id}` where the exchange acts on one thing.
    const PATH: &'static str;
}

/// The two HTTP methods that the device API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; no body.
    Get,
    /// Acts; the request is the JSON body.
    Post,
}

/// The path of an exchange with its `{id}` filled in.
pub fn path_of<E: Exchange>(id: &str) -> String {
    E::PATH.replace("{id}", id)
}

/// A reply that says only "done".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Done {}

#[cfg(test)]
mod tests;
