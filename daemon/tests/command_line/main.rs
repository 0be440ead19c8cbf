//! The `symbolon` command against a played daemon on a bus of the test's own: what scripts and
//! people at a terminal rely on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod fake_daemon;
mod person;
mod stage;

mod asking;
mod colleagues;
mod results;
mod scripts;
mod watching;
