//! Clients nobody here wrote, from their published packages, against the whole system. Not part of
//! `make test`: `make interop` builds the clients and runs these.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod asic;
mod browser;
mod client;
mod desktop;
mod documents;
mod pdf;
mod rust_client;
mod rust_client_v2;
mod schemathesis;
