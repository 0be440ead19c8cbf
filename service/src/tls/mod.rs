//! TLS with the server key on the token.
//!
//! * [`device_server`]: the device API. TLS 1.3, and every client shows a certificate over a key of
//!   its hardware; [`DeviceIdentity`] is what that proves.
//! * [`relying_party_server`]: the relying-party API where no proxy stands in front of it.
//! * [`accept`]: one connection, from TCP to the end of the handshake.
//!
//! The cryptographic provider is always passed on explicitly: two in one process would leave it to
//! chance which is used.

mod accept;
mod client_certificate;
mod config;
mod error;
mod identity;
mod server_key;

pub use accept::accept;
pub use config::{device_server, relying_party_server};
pub use error::TlsError;
pub use identity::DeviceIdentity;
