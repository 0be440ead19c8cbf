//! Who may do what with an account.
//!
//! * `rule`: what is decided here, and what polkit is asked.
//! * `users`: what somebody is called, and who is in a group now.
//! * `caller`: who asks, as the bus knows them.
//! * `polkit`: asking polkit, which decides about a group's accounts.

mod caller;
mod polkit;
mod rule;
mod users;

pub use caller::Caller;
pub(crate) use caller::Sight;
pub(crate) use polkit::{Details, about};
pub use polkit::{Polkit, Subject};
pub use rule::{Act, Action, Owner};
pub(crate) use users::user;
