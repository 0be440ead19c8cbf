//! The service's own keys: which there are, where they live, and who may use them for what.
//!
//! All of them are objects of one PKCS#11 token. [`ServiceKeys`] is the only way to them; it knows
//! no key in software.

mod config;
mod error;
mod pin;
mod service_keys;
mod terminal;

pub use config::HsmConfig;
pub use error::KeysError;
pub use service_keys::{Authority, KeyMade, ServiceKeys, ServiceShare, examine};
pub use symbolon_hsm::{
    Ability, Examination, HsmError, HsmState, Made, MissingMechanism, ProcessEnds, TokenAddress,
    TokenName,
};
