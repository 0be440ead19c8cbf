//! What the daemon keeps of each account on disk.
//!
//! * `<document number>.json`: the account; written whole, checked when read.
//! * `<document number>.confirm.slot`: the confirmation under way, if one is; overwritten in place.
//! * `<document number>.cursor`: the last handled event; losing it costs nothing.
//! * `<document number>.history.jsonl`: what happened, for the owner to read; chained by hashes.
//!
//! No file holds a secret that would sign: key shares are sealed by the hardware. The freshness
//! token is the most delicate of what is here, so all files are for the daemon's user alone.

mod confirmation;
mod file;
mod history;
mod record;
mod slot;
mod store;

pub use confirmation::Underway;
pub use file::FileError;
pub(crate) use file::{read_sealed, remove, seal, write_atomically};
pub use history::{VerifiedHistory, verify as verify_history};
pub(crate) use record::copy_of;
pub use record::{Deed, Group, KnownLock, Standing, StoredKey};
pub use store::{DamagedFile, Store, StoredAccount};
pub(crate) use store::{make_private_folder, off_the_runtime};
