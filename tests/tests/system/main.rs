//! The numbered scenarios of `docs/scenarios.md`, each on real parts of its own.

mod clone;
mod faults;
mod interruption;
mod lockout;
mod login;
mod privacy;
mod strangers;
