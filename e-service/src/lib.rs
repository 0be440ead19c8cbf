//! A relying party, small enough to read: how it verifies every answer.
//!
//! It shares no code with the service or the device. What it accepts is what any careful relying
//! party accepts, SK's own demo environment included.

pub mod verify;
