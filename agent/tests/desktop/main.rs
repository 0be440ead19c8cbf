//! The agent in a real desktop session: a real notification server under a real X server, on buses
//! of the test's own; only the daemon and the person's fingers are played.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

mod bus;
mod dunst;
mod fake_daemon;
mod fake_logind;
mod fake_pinentry;
mod process;
mod stage;

mod life;
mod shown;
mod withdrawn;
