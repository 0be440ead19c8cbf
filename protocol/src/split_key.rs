//! The split key: two RSA shares that together make one ordinary signature.

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
}
