//! The whole device API over a SoftHSM2 token: what a device can do, and what it cannot.
//!
//! Requests go through the same router as in the running service; only TLS is left out, so a test
//! says itself which device calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod ahead;
mod boundaries;
mod clones;
#[allow(dead_code, reason = "each test program uses some of this module")]
#[path = "../token/configuration.rs"]
mod configuration;
mod consents;
mod enrolment;
mod events;
mod house;
mod links;
mod locks;
mod muting;
mod outages;
mod pins;
mod prompts;
#[path = "../../../hsm/tests/softhsm/mod.rs"]
mod softhsm;
mod test_device;
mod transactions;
mod waiting;
