//! PINs that the service judges, where a device's hardware cannot (a PKCS#11 token).
//!
//! * `policy`: whether an entry is counted, answered again or refused, as a pure function.
//! * `judge`: first the count is committed, then the proof is looked at.
//! * `stored`: a PIN's book as a row.

mod judge;
mod policy;
mod stored;

pub(crate) use judge::is_proof_key;
pub use judge::{prove, require_proven};
pub use stored::{Book, ledgers, note_failures, note_limit};
