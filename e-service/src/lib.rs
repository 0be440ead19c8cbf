//! A relying party, small enough to read: what it asks of the co-signing service, how it verifies
//! every answer, how it builds device links, and a few web pages around that.
//!
//! It shares no code with the service or the device. What it accepts is what any careful relying
//! party accepts, SK's own demo environment included.

pub mod api;
pub mod config;
pub mod link;
pub mod pdf;
pub mod serve;
pub mod verify;
pub mod web;

mod random;
