//! The device: what `symbolond` does, and what the `symbolon` command needs to talk to it.
//!
//! No module here names a backend: the hardware is a `Box<dyn Vault>` that `main.rs` chooses.
//!
//! * [`bus`]: the D-Bus objects, their messages and the client side.

pub mod bus;
