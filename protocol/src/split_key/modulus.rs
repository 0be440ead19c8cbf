//! RSA moduli, and the public operation under them.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use crate::bytes::Octets;

/// The public exponent of every key here.
pub const PUBLIC_EXPONENT: u32 = 65_537;

/// The longest modulus that is taken, so that a stranger's number cannot keep a processor busy.
const MAX_BITS: u64 = 16_384;

/// An RSA modulus: odd, of any length up to 16384 bits. In JSON: Base64 of [`Modulus::to_octets`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Octets", into = "Octets")]
pub struct Modulus(BigUint);

impl Modulus {
    /// Reads a modulus, big endian; leading zeros are no part of it.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ModulusError> {
        Self::from_value(BigUint::from_bytes_be(octets))
    }

    pub(crate) fn from_value(value: BigUint) -> Result<Self, ModulusError> {
        if !value.bit(0) {
            return Err(ModulusError::Even);
        }
        if !(2..=MAX_BITS).contains(&value.bits()) {
            return Err(ModulusError::Length { bits: value.bits() });
        }
        Ok(Self(value))
    }

    /// The length in bits, leading zeros not counted.
    pub fn bits(&self) -> usize {
        self.0.bits() as usize
    }

    /// The length in octets, leading zeros not counted.
    pub fn octets(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Big endian, without leading zeros.
    pub fn to_octets(&self) -> Vec<u8> {
        self.0.to_bytes_be()
    }

    /// The product of two moduli: the composite one.
    pub fn multiply(&self, other: &Self) -> Result<Self, ModulusError> {
        Self::from_value(&self.0 * &other.0)
    }

    /// Whether `composite` is a true multiple of this modulus. A device checks that its own share
    /// is part of the key it is told to be part of.
    pub fn divides(&self, composite: &Self) -> bool {
        self.0 < composite.0 && &composite.0 % &self.0 == BigUint::ZERO
    }

    pub(crate) fn value(&self) -> &BigUint {
        &self.0
    }

    /// `base^65537 mod n`, the public operation: sixteen squarings and one multiplication.
    pub(crate) fn raise_to_public_exponent(&self, base: &BigUint) -> BigUint {
        let base = base % &self.0;
        match Montgomery::of(self, &base) {
            Some(base) => base.raised_to_public_exponent(),
            None => base.modpow(&BigUint::from(PUBLIC_EXPONENT), &self.0),
        }
    }
}

/// A number modulo `n` in Montgomery form, in which multiplying needs no division. Nothing here is
/// secret: moduli, messages and signatures.
struct Montgomery(BoxedMontyForm);

impl Montgomery {
    /// None if a number is longer than it says.
    fn of(modulus: &Modulus, reduced: &BigUint) -> Option<Self> {
        let boxed = |value: &BigUint| {
            let octets = to_octets(value, modulus.octets());
            BoxedUint::from_be_slice(&octets, u32::try_from(8 * octets.len()).ok()?).ok()
        };
        let odd = Odd::new(boxed(&modulus.0)?).into_option()?;
        let parameters = BoxedMontyParams::new_vartime(odd);
        Some(Self(BoxedMontyForm::new(boxed(reduced)?, &parameters)))
    }

    fn raised_to_public_exponent(&self) -> BigUint {
        let mut power = self.0.clone();
        for _ in 0..16 {
            power = power.square();
        }
        let raised = (power * &self.0).retrieve();
        BigUint::from_bytes_be(&raised.to_be_bytes())
    }
}

impl From<Modulus> for Octets {
    fn from(modulus: Modulus) -> Self {
        Octets(modulus.to_octets())
    }
}

impl TryFrom<Octets> for Modulus {
    type Error = ModulusError;

    fn try_from(octets: Octets) -> Result<Self, Self::Error> {
        Self::from_octets(octets.as_slice())
    }
}

/// Big endian with leading zeros to `length` octets. The value fits, being reduced modulo a number
/// of that length.
pub(crate) fn to_octets(value: &BigUint, length: usize) -> Vec<u8> {
    let octets = value.to_bytes_be();
    // Zero has one octet in `to_bytes_be`, so this subtracts at most what is there.
    let mut padded = vec![0; length.saturating_sub(octets.len())];
    padded.extend(octets);
    padded
}

/// Why a number is no RSA modulus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModulusError {
    /// Two divides it.
    #[error("the modulus is even")]
    Even,
    /// Nothing, or absurdly long.
    #[error("a modulus of {bits} bits is out of range")]
    Length {
        /// Its length.
        bits: u64,
    },
}
