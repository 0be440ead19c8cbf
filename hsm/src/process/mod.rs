//! A PKCS#11 module in a process of its own, so that a module that crashes or hangs takes nothing
//! else with it. Why so and not otherwise: `docs/decisions/0032`.
//!
//! Our side:
//! * `module`: one module of one token; starts its process anew when it is needed and gone.
//! * `running`: one such process, and how it ended.
//! * `line`: a worker thread's way to a session in it.
//!
//! Between both:
//! * `act`: what can be asked, as data, and what is answered.
//! * `socket`: messages over a socket pair, and what was in them wiped.
//!
//! The other side:
//! * `child`: the process itself.

pub(crate) mod act;
mod child;
pub(crate) mod line;
pub(crate) mod module;
mod running;
mod socket;

pub use child::become_the_modules_process_if_asked;
pub(crate) use child::{House, Parent};
pub(crate) use socket::Secret;
