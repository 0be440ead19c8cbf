//! Two halves of a signature become one.

use num_bigint::BigUint;
use num_integer::Integer;

use super::modulus::{Modulus, ModulusError, to_octets};
use crate::encoding::EncodedMessage;

/// One party's half of a signature, `EM^d mod n` under its own modulus: big endian, as long as it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialSignature(Vec<u8>);

impl PartialSignature {
    /// Takes what the hardware answered.
    pub fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the half that the holder of `modulus` alone can make: `s^e = EM mod n`,
    /// and exactly as long as the modulus.
    pub fn verify(&self, message: &EncodedMessage, modulus: &Modulus) -> bool {
        is_root(&self.0, message, modulus)
    }

    /// The same as a type: none, if it is not this half.
    pub fn verified(
        &self,
        message: &EncodedMessage,
        modulus: &Modulus,
    ) -> Option<VerifiedPartialSignature> {
        self.verify(message, modulus)
            .then(|| VerifiedPartialSignature {
                value: BigUint::from_bytes_be(&self.0),
                message: message.clone(),
                modulus: modulus.clone(),
            })
    }
}

/// A half that was found right for a message and a modulus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPartialSignature {
    /// Below the modulus.
    value: BigUint,
    message: EncodedMessage,
    modulus: Modulus,
}

/// A whole signature under the composite modulus: big endian, as long as it. It exists only after
/// `s^e = EM mod n` was checked, or the same under both parts of `n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Takes a whole signature that somebody else combined, if it is right.
    pub fn verified(
        octets: Vec<u8>,
        message: &EncodedMessage,
        modulus: &Modulus,
    ) -> Result<Self, CombineFault> {
        if is_root(&octets, message, modulus) {
            Ok(Self(octets))
        } else {
            Err(CombineFault)
        }
    }

    /// Whether this signs `message` under `modulus`.
    pub fn verify(&self, message: &EncodedMessage, modulus: &Modulus) -> bool {
        is_root(&self.0, message, modulus)
    }

    /// The octets, as relying parties get them.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The octets, as relying parties get them.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

/// RFC 8017 section 5.2.2, and its demand that a signature has exactly the modulus' length and a
/// value below it: without that, one signature would have many spellings.
fn is_root(octets: &[u8], message: &EncodedMessage, modulus: &Modulus) -> bool {
    let value = BigUint::from_bytes_be(octets);
    octets.len() == modulus.octets()
        && &value < modulus.value()
        && modulus.raise_to_public_exponent(&value) == message.value() % modulus.value()
}

/// The public side of one whole key, ready to combine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitKey {
    device: Modulus,
    service: Modulus,
    composite: Modulus,
    /// `n1^-1 mod n2`.
    inverse: BigUint,
}

impl SplitKey {
    /// Joins the device's modulus `n1` and the service's `n2`. The inverse is worth keeping: see
    /// [`SplitKey::restore`].
    pub fn new(device: Modulus, service: Modulus) -> Result<Self, SplitKeyError> {
        let composite = device.multiply(&service)?;
        let inverse = device
            .value()
            .modinv(service.value())
            .ok_or(SplitKeyError::CommonFactor)?;
        Ok(Self {
            device,
            service,
            composite,
            inverse,
        })
    }

    /// Takes up a key from what a store kept: `n1`, `n = n1·n2` and `n1^-1 mod n2`, big endian.
    pub fn restore(
        device: Modulus,
        composite: Modulus,
        inverse: &[u8],
    ) -> Result<Self, SplitKeyError> {
        let (quotient, remainder) = composite.value().div_rem(device.value());
        if remainder != BigUint::ZERO {
            return Err(SplitKeyError::Inconsistent);
        }
        let service = Modulus::from_value(quotient)?;
        let inverse = BigUint::from_bytes_be(inverse);
        if device.value() * &inverse % service.value() != BigUint::from(1u8) {
            return Err(SplitKeyError::Inconsistent);
        }
        Ok(Self {
            device,
            service,
            composite,
            inverse,
        })
    }

    /// The device's modulus `n1`.
    pub fn device_modulus(&self) -> &Modulus {
        &self.device
    }

    /// The service's modulus `n2`.
    pub fn service_modulus(&self) -> &Modulus {
        &self.service
    }

    /// The person's modulus `n = n1·n2`, the one in the certificate.
    pub fn modulus(&self) -> &Modulus {
        &self.composite
    }

    /// `n1^-1 mod n2`, big endian, as long as `n2`, for the store.
    pub fn inverse_octets(&self) -> Vec<u8> {
        to_octets(&self.inverse, self.service.octets())
    }

    /// Combines the device's half `s1` and the service's `s2` by the Chinese remainder theorem:
    /// `s = s1 + n1·((s2 - s1)·n1^-1 mod n2)`.
    ///
    /// A signature that is right under `n1` and wrong under `n2` would hand the factor `n1` to
    /// whoever sees it (Boneh, DeMillo, Lipton, EUROCRYPT 1997), so the whole is checked before it
    /// exists as a [`Signature`]. It is right under `n` exactly if it is right under `n1` and under
    /// `n2`, which share no factor: under each it has to be the half that was found right for this
    /// message before.
    pub fn combine(
        &self,
        device_half: &VerifiedPartialSignature,
        service_half: &VerifiedPartialSignature,
    ) -> Result<Signature, CombineFault> {
        if device_half.modulus != self.device
            || service_half.modulus != self.service
            || device_half.message != service_half.message
        {
            return Err(CombineFault);
        }
        let (n1, n2) = (self.device.value(), self.service.value());
        let (s1, s2) = (&device_half.value, &service_half.value);
        // s1 may exceed n2; the difference is taken modulo n2, and never below zero.
        let difference = s2 + n2 - s1 % n2;
        let whole = s1 + n1 * (difference * &self.inverse % n2);
        let is_right =
            &whole < self.composite.value() && &(&whole % n1) == s1 && &(&whole % n2) == s2;
        match is_right {
            true => Ok(Signature(to_octets(&whole, self.composite.octets()))),
            false => Err(CombineFault),
        }
    }
}

/// The halves do not make a signature of this message. Nothing of them may be shown to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct CombineFault;

/// Why two moduli are no key together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitKeyError {
    /// They share a factor, so there is no inverse.
    #[error("the two moduli share a factor")]
    CommonFactor,
    /// What was stored does not fit together.
    #[error("the stored parts of the key contradict each other")]
    Inconsistent,
    /// One of them, or the product, is no modulus.
    #[error(transparent)]
    Modulus(#[from] ModulusError),
}
