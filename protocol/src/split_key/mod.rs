//! The split key: two RSA shares that together make one ordinary signature.
//!
//! Device and service hold an RSA key each, `(n1, 65537)` and `(n2, 65537)`; the person's public
//! key is `(n1·n2, 65537)`. What is computed here is computed from public numbers alone (moduli,
//! encoded messages, signatures): private exponents never leave the hardware. So nothing here
//! needs to run in constant time, and nothing does.

mod combination;
pub mod device_modulus;
mod modulus;

pub use combination::{
    CombineFault, PartialSignature, Signature, SplitKey, SplitKeyError, VerifiedPartialSignature,
};
pub use modulus::{Modulus, ModulusError, PUBLIC_EXPONENT};

pub(crate) use modulus::to_octets;

#[cfg(test)]
mod tests;
