//! Symbolon's `Vault` on a TPM 2.0: a PIN lockout that the TPM itself enforces, on a stock Linux
//! machine with empty owner authorization.
//!
//! Per PIN there is one PIN_FAIL index `F`, which counts, and one RSA-2048 key `K`, which signs
//! only after `F`'s PIN was proven. `F` was initialised once, by a key `P` that lived for a second;
//! `P` also approved the only five things that can ever be done to `F` (see [`policies`]).
//! `docs/threat-model.md` says what that is worth, `tests/` tries to break it.
//!
//! * [`vault`]: [`TpmVault`], the joint's calls.
//! * [`connection`]: the way to the TPM, its storage key, handles and owner password.
//! * [`enrol`], [`approve`], [`release`], [`change`]: what is done with a share.
//! * [`sealed`]: what the daemon keeps for us. [`objects`]: the templates of all keys.
//! * [`identity`]: the device key and the attestation key.
//! * [`probe`]: whether this TPM does what the scheme needs.
//! * [`session`]: the sessions of an approval, computed here. [`esys`] is the way into tpm2-tss.

mod approve;
mod change;
mod connection;
mod enrol;
pub mod esys;
mod fault;
mod identity;
mod machine;
mod objects;
mod policies;
mod probe;
mod release;
mod sealed;
mod session;
mod vault;

pub use connection::OwnerPassword;
pub use sealed::BACKEND;
pub use vault::TpmVault;
