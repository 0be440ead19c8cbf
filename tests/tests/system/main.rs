//! The numbered scenarios of `docs/scenarios.md`, each on real parts of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is left out says so"
)]

mod certificate_choice;
mod clone;
mod code_choice;
mod device_links;
mod e_service;
mod faults;
mod fuzz;
mod group;
mod interruption;
mod journal;
mod lockout;
mod login;
mod module_process;
mod not_mine;
mod privacy;
mod prompts;
mod records;
mod sleep;
mod strangers;
mod token;
mod token_deaths;
mod token_pin;
mod version_2;
mod watch;
