//! What a relying party asks of a person, from its offer to its end, on this device.
//!
//! * `life`: the states, as a pure function.
//! * `offer`: what of a transaction is shown, and which ones are refused unseen.
//! * `book`: an account's transactions and their deadlines.

mod book;
mod life;
mod offer;

pub use book::{Book, Entry};
pub use life::{Effect, End, Event, State, step};
pub use offer::{Offer, Refused, entry_of, examine};
