//! The device: what `symbolond` does, and what the `symbolon` command needs to talk to it.
//!
//! No module here names a backend: the hardware is a `Box<dyn Vault>` that `main.rs` chooses.
//!
//! * [`accounts`]: what is kept on disk.
//! * [`bus`]: the D-Bus objects, their messages and the client side.
//! * [`config`]: what an administrator sets.
//! * [`identity`]: the device's certificate and its TLS client.
//! * [`link`]: requests to the service, and what it pushes.
//! * [`transaction`]: what is asked of the person, from offer to end.
//! * [`vault_thread`]: the one thread that owns the hardware.

pub mod accounts;
pub mod bus;
pub mod clock;
pub mod config;
pub mod identity;
pub mod link;
#[cfg(test)]
mod test_keys;
#[cfg(test)]
mod test_transactions;
#[cfg(test)]
mod test_vault;
pub mod transaction;
pub mod vault_thread;
