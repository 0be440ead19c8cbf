//! What a device and its co-signing service say to each other, and the arithmetic both need. No I/O
//! but the operating system's random octets.
//!
//! What travels:
//! * [`device`]: the messages of the device API; a request type names its reply type.
//! * [`bytes`], [`random`]: octets in JSON, and where random ones come from.
//! * [`freshness`]: the token that rotates with each signature.
//!
//! Who and what:
//! * [`identifiers`]: who a person is, which account, which of its two keys.
//! * [`interaction`]: what a relying party wants the person to see.
//! * [`display_text`]: the one way in which a stranger's text reaches a screen.
//! * [`verification_code`]: the four digits that a person compares.
//! * [`device_link`]: how a browser hands a request to a device.
//!
//! From a transaction to a signature:
//! * [`transaction`]: a transaction's parts become the encoded message, alike on both sides.
//! * [`acsp`]: what an authentication signature signs.
//! * [`encoding`]: PSS and PKCS#1 v1.5.
//! * [`split_key`]: two RSA shares, one signature; what a device's modulus must be.
//!
//! PINs and locks:
//! * [`pin_rules`]: which PINs may be set.
//! * [`lockout`]: the ladder of 3, 6 and 9 wrong PINs.
//! * [`release`], [`policy`]: Names, policies and signatures as a TPM computes them.
//! * [`attestation`], [`token_reading`]: reading a counter that a TPM certified, or that a
//!   token's device key signed.
//! * [`pin_proof`]: PINs that the service judges.
//!
//! What happened:
//! * [`audit_chain`]: a record in which a missing or changed row is found.

pub mod acsp;
pub mod attestation;
pub mod audit_chain;
pub mod bytes;
pub mod device;
pub mod device_link;
pub mod display_text;
pub mod encoding;
pub mod freshness;
pub mod identifiers;
pub mod interaction;
pub mod lockout;
pub mod pin_proof;
pub mod pin_rules;
pub mod policy;
pub mod random;
pub mod release;
pub mod split_key;
#[cfg(test)]
mod test_keys;
pub mod token_reading;
pub mod transaction;
pub mod verification_code;
