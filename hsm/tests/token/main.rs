//! Keys, shares and worker threads on a real SoftHSM2 token.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod keys;
#[path = "../softhsm/mod.rs"]
mod softhsm;
mod support;
mod workers;
