//! The device: what `symbolond` does, and what the `symbolon` command needs to talk to it.
//!
//! No module here names a backend: the hardware is a `Box<dyn Vault>` that `main.rs` chooses.
//!
//! * [`access`]: who may do what.
//! * [`account`]: one account while the daemon runs.
//! * [`accounts`]: what is kept on disk.
//! * [`bus`]: the D-Bus objects, their messages and the client side.
//! * [`config`]: what an administrator sets.
//! * [`device`]: all accounts, and what callers may do with them.
//! * [`identity`]: the device's certificate and its TLS client.
//! * [`link`]: requests to the service, and what it pushes.
//! * [`token_pin`]: the PIN of a token that only a person has.
//! * [`transaction`]: what is asked of the person, from offer to end.
//! * [`vault_thread`]: the one thread that owns the hardware.
//! * [`wake`]: what the system says about sleep and network.

pub mod access;
mod account;
pub mod accounts;
pub mod announcer;
mod approval;
pub mod bus;
pub mod clock;
pub mod config;
mod deletion;
pub mod device;
mod doctor;
mod enrolment;
mod fault_words;
pub mod identity;
pub mod link;
mod locked;
mod pin_change;
pub mod services;
#[cfg(test)]
mod test_bus;
#[cfg(test)]
mod test_keys;
#[cfg(test)]
mod test_service;
#[cfg(test)]
mod test_transactions;
#[cfg(test)]
mod test_vault;
pub mod token_pin;
pub mod transaction;
pub mod vault_thread;
pub mod wake;
