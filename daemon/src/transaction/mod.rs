//! What a relying party asks of a person, from its offer to its end, on this device.
//!
//! * `life`: the states, as a pure function.
//! * `code_choice`: three verification codes, one of them right.
//! * `offer`: what of a transaction is shown, and which ones are refused unseen.
//! * `agreement`: several colleagues for one answer.
//! * `book`: an account's transactions and their deadlines.

mod agreement;
mod book;
mod code_choice;
mod life;
mod offer;

pub use agreement::{Agreed, Agreements};
pub use book::{Book, Entry};
pub use code_choice::{CodeChoice, Pick};
pub use life::{Effect, End, Event, RefusedAs, State, step};
pub(crate) use offer::linked_session;
pub use offer::{Offer, Refused, Signing, entry_of, examine};
