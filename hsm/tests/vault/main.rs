//! The vault on SoftHSM2 and on kryoptic: the suite of the joint, and what a vault that leaves judging to the
//! service owes beyond it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod bench;
mod by_hand;
mod extras;
mod kryoptic;
mod leavings;
mod own_pin;
mod proofs;
mod service;
#[path = "../softhsm/mod.rs"]
mod softhsm;

mod conformance {
    symbolon_vault::conformance!(crate::bench::TokenBench::start);
}

mod on_kryoptic {
    symbolon_vault::conformance!(crate::kryoptic::start);
}
