//! What devices answer: their half of a signature, a consent where nothing is signed, a refusal.

mod ahead;
mod answer;
mod completion;
mod confirm;
mod consent;
mod prepare;
mod refuse;
mod to_sign;

pub use ahead::Ahead;
pub use confirm::confirm;
pub(crate) use confirm::{require_waiting, session_of};
pub use consent::consent;
pub use prepare::prepare;
pub use refuse::refuse;
