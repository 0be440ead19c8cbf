//! The running program: two listeners, signals, health, and what another process changes meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod ceremony;
mod changes;
mod demo;
mod http;
mod lifetime;
mod metrics;
mod program;
#[path = "../../../hsm/tests/softhsm/mod.rs"]
mod softhsm;
mod status;
