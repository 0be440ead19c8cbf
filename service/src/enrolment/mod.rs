//! Enrolment: a clerk's one-time code, the device's keys, our shares and certificates.
//!
//! A code is spent by the activation at the end. Until then whoever brings it again with another
//! device key replaces what was begun, so that a device that failed half-way needs no new code.

mod activate;
mod begin;
mod invite;
mod register;
mod shares;
mod stored;

pub use activate::activate;
pub use begin::{begin, begin_as};
pub use invite::{Invitation, InviteError, Invited, invite};
pub use register::register;
pub use shares::{PoolError, fill_pool, pool_size};
