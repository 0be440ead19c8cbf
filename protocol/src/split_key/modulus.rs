//! RSA moduli, and the public operation under them.

use std::sync::OnceLock;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, MontyForm, MontyMultiplier, Odd};
use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use crate::bytes::Octets;

/// The public exponent of every key here.
pub const PUBLIC_EXPONENT: u32 = 65_537;

/// The longest modulus that is taken, so that a stranger's number cannot keep a processor busy.
const MAX_BITS: u64 = 16_384;

/// An RSA modulus: odd, of any length up to 16384 bits. In JSON: Base64 of [`Modulus::to_octets`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Octets", into = "Octets")]
pub struct Modulus {
    value: BigUint,
    /// Worked out when it is first needed, and kept: that takes as long as to use it.
    montgomery: OnceLock<Option<BoxedMontyParams>>,
}

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
        Ok(Self {
            value,
            montgomery: OnceLock::new(),
        })
    }

    /// The length in bits, leading zeros not counted.
    pub fn bits(&self) -> usize {
        self.value.bits() as usize
    }

    /// The length in octets, leading zeros not counted.
    pub fn octets(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Big endian, without leading zeros.
    pub fn to_octets(&self) -> Vec<u8> {
        self.value.to_bytes_be()
    }

    /// The product of two moduli: the composite one.
    pub fn multiply(&self, other: &Self) -> Result<Self, ModulusError> {
        Self::from_value(&self.value * &other.value)
    }

    /// Whether `composite` is a true multiple of this modulus. A device checks that its own share
    /// is part of the key it is told to be part of.
    pub fn divides(&self, composite: &Self) -> bool {
        self.value < composite.value && &composite.value % &self.value == BigUint::ZERO
    }

    pub(crate) fn value(&self) -> &BigUint {
        &self.value
    }

    /// `base^65537 mod n`, the public operation: sixteen squarings and one multiplication.
    pub(crate) fn raise_to_public_exponent(&self, base: &BigUint) -> BigUint {
        let base = base % &self.value;
        let parameters = self.montgomery.get_or_init(|| self.parameters());
        match parameters.as_ref().zip(self.boxed(&base)) {
            Some((parameters, base)) => raised_to_public_exponent(base, parameters),
            None => base.modpow(&BigUint::from(PUBLIC_EXPONENT), &self.value),
        }
    }

    fn parameters(&self) -> Option<BoxedMontyParams> {
        let odd = Odd::new(self.boxed(&self.value)?).into_option()?;
        Some(BoxedMontyParams::new_vartime(odd))
    }

    /// None if the value is longer than the modulus.
    fn boxed(&self, value: &BigUint) -> Option<BoxedUint> {
        let octets = to_octets(value, self.octets());
        BoxedUint::from_be_slice(&octets, u32::try_from(8 * octets.len()).ok()?).ok()
    }
}

/// In Montgomery form multiplying needs no division. Nothing here is secret: moduli, messages and
/// signatures.
fn raised_to_public_exponent(base: BoxedUint, parameters: &BoxedMontyParams) -> BigUint {
    let base = BoxedMontyForm::new(base, parameters);
    let mut multiplier = <BoxedMontyForm as MontyForm>::Multiplier::<'_>::from(parameters);
    let mut power = base.clone();
    for _ in 0..16 {
        multiplier.square_assign(&mut power);
    }
    multiplier.mul_assign(&mut power, &base);
    BigUint::from_bytes_be(&power.retrieve().to_be_bytes())
}

impl PartialEq for Modulus {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Modulus {}

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
