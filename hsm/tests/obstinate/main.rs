//! A token that hangs, crashes, fails, loses its sessions or is pulled out, and what callers see of it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod crashes;
mod hangs;
mod losses;
#[path = "../softhsm/mod.rs"]
mod softhsm;
mod support;
