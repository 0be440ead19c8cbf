//! Making the second half of a signature, for whoever brings a good first one.

mod answer;
mod completion;
mod confirm;
mod refuse;

pub use confirm::confirm;
pub(crate) use confirm::{require_waiting, session_of};
pub use refuse::refuse;
