//! PKCS#11: the keys of the service on a token, and a device's key shares.
//!
//! * [`Hsm`]: a token with worker threads, each with a session of its own; what the service asks
//!   of it, from async and from blocking code.
//! * [`TokenAddress`], [`Pkcs11Uri`], [`PinSource`]: which token, and where its PIN comes from.
//! * [`examine`]: what a token can do, found out by having it done.
//! * [`TokenVault`]: the joint's vault on a token; PINs are judged by the service.
//! * [`HsmError`]: who is to blame when it does not work.
//!
//! Named keys are made once and never leave the token. Key shares of accounts, which would outgrow
//! a token's storage, are made on the token, leave it wrapped under an AES key that never does, and
//! come back as session objects for one operation each.
//!
//! The module runs in a process of its own, which is this program once more: every program that uses
//! a token begins with [`become_the_modules_process_if_asked`].
//!
//! There is no key in software here and no way to configure one.

mod address;
mod backoff;
mod calls;
mod crew;
mod error;
mod examine;
mod hsm;
mod job;
mod key;
mod login;
mod mechanisms;
mod pin;
mod pin_file;
mod pool;
mod process;
mod queue;
mod session;
mod settings;
mod share;
mod state;
mod token;
mod uri;
mod uri_text;
mod vault;
mod verify;
mod worker;

pub use address::{TokenAddress, TokenDescription, TokenFacts, TokenName};
pub use error::HsmError;
pub use examine::{Ability, Examination, examine};
pub use hsm::{Hsm, Patience, PoolSize};
pub use key::{Curve, KeyLabel, Made, SigningKey};
pub use mechanisms::MissingMechanism;
pub use pin::{LONGEST_PIN, PinSource, TokenPin};
pub use pin_file::PinFile;
pub use process::become_the_modules_process_if_asked;
pub use settings::{TokenSettings, TokenSettingsError};
pub use share::{SHARE_MODULUS_OCTETS, WrappedShare};
pub use state::{HsmState, ProcessEnds};
pub use uri::{Pkcs11Uri, UriError};
pub use vault::TokenVault;
