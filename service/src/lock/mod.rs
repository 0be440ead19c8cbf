//! Locks and releases: the hardware counts, the service keeps the time.

mod policy;
mod readings;
mod release;
mod stored;

pub use policy::{HeldLock, Verdict, judge};
pub(crate) use readings::take_count;
pub use readings::{challenge, report};
pub use release::release;
pub use stored::begin_ladder_anew;
