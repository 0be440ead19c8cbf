//! Who calls: known from the TLS handshake, never from what a request says.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use symbolon_protocol::device::problem::ProblemCode;

use super::problem;
use crate::accounts::DeviceFingerprint;
use crate::refusal::Refusal;

/// The device at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Its key.
    pub device: DeviceFingerprint,
    /// Its address.
    pub address: SocketAddr,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get().copied().ok_or_else(|| {
            problem::respond(&Refusal::new(
                ProblemCode::UnknownDevice,
                "the connection carries no device certificate",
            ))
        })
    }
}
