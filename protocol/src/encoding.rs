//! Encoded messages: EMSA-PSS and EMSA-PKCS1-v1_5 (RFC 8017 sections 9.1 and 9.2), for moduli of
//! any length.

use std::str::FromStr;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

use crate::random::{RandomError, random_octets};
use crate::split_key::{Modulus, to_octets};

/// The hash functions of the relying-party API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HashAlgorithm {
    /// SHA-256.
    #[serde(rename = "SHA-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "SHA-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "SHA-512")]
    Sha512,
    /// SHA3-256.
    #[serde(rename = "SHA3-256")]
    Sha3_256,
    /// SHA3-384.
    #[serde(rename = "SHA3-384")]
    Sha3_384,
    /// SHA3-512.
    #[serde(rename = "SHA3-512")]
    Sha3_512,
}

impl HashAlgorithm {
    /// All of them, in the order of the relying-party API.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// The digest of `data`, [`HashAlgorithm::length`] octets.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
            Self::Sha3_256 => Sha3_256::digest(data).to_vec(),
            Self::Sha3_384 => Sha3_384::digest(data).to_vec(),
            Self::Sha3_512 => Sha3_512::digest(data).to_vec(),
        }
    }

    /// The length of a digest in octets.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The name in the relying-party API, e.g. `SHA3-512`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        }
    }
}

impl FromStr for HashAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|hash| hash.as_str() == name)
            .ok_or(UnknownAlgorithm)
    }
}

impl std::fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a signature is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "scheme", content = "hash")]
pub enum SignatureAlgorithm {
    /// RSASSA-PSS, MGF1 with the same hash, salt as long as the hash.
    #[serde(rename = "rsassa-pss")]
    Pss(HashAlgorithm),
    /// RSASSA-PKCS1-v1_5; SHA-2 only.
    #[serde(rename = "rsassa-pkcs1-v1_5")]
    Pkcs1(HashAlgorithm),
}

impl SignatureAlgorithm {
    /// Reads the relying-party API's `signatureAlgorithm` and, which goes with `rsassa-pss` alone,
    /// `hashAlgorithm`.
    pub fn from_api(name: &str, hash: Option<HashAlgorithm>) -> Result<Self, UnknownAlgorithm> {
        match (name, hash) {
            ("rsassa-pss", Some(hash)) => Ok(Self::Pss(hash)),
            ("sha256WithRSAEncryption", None) => Ok(Self::Pkcs1(HashAlgorithm::Sha256)),
            ("sha384WithRSAEncryption", None) => Ok(Self::Pkcs1(HashAlgorithm::Sha384)),
            ("sha512WithRSAEncryption", None) => Ok(Self::Pkcs1(HashAlgorithm::Sha512)),
            _ => Err(UnknownAlgorithm),
        }
    }

    /// The relying-party API's `signatureAlgorithm`. SHA-3 has no name with PKCS#1 v1.5 there, and
    /// [`EncodedMessage::encode`] refuses it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pss(_) => "rsassa-pss",
            Self::Pkcs1(HashAlgorithm::Sha256) => "sha256WithRSAEncryption",
            Self::Pkcs1(HashAlgorithm::Sha384) => "sha384WithRSAEncryption",
            Self::Pkcs1(HashAlgorithm::Sha512) => "sha512WithRSAEncryption",
            Self::Pkcs1(HashAlgorithm::Sha3_256) => "sha3-256WithRSAEncryption",
            Self::Pkcs1(HashAlgorithm::Sha3_384) => "sha3-384WithRSAEncryption",
            Self::Pkcs1(HashAlgorithm::Sha3_512) => "sha3-512WithRSAEncryption",
        }
    }

    /// The hash of the message, and of MGF1.
    pub fn hash(self) -> HashAlgorithm {
        match self {
            Self::Pss(hash) | Self::Pkcs1(hash) => hash,
        }
    }

    /// The length of the salt in octets: that of the hash for PSS, 0 for PKCS#1 v1.5.
    pub fn salt_length(self) -> usize {
        match self {
            Self::Pss(hash) => hash.length(),
            Self::Pkcs1(_) => 0,
        }
    }

    /// Draws a salt of the right length; empty for PKCS#1 v1.5.
    pub fn draw_salt(self) -> Result<Vec<u8>, RandomError> {
        random_octets(self.salt_length())
    }
}

/// An encoded message `EM`, as an integer below the modulus that it was made for.
///
/// Public: whoever verifies the signature recovers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedMessage {
    /// Big endian, as long as the modulus.
    octets: Vec<u8>,
}

impl EncodedMessage {
    /// Encodes a digest for signing under `modulus`, the composite one.
    ///
    /// `digest` is as long as the algorithm's hash, `salt` is [`SignatureAlgorithm::salt_length`]
    /// octets.
    pub fn encode(
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        salt: &[u8],
        modulus: &Modulus,
    ) -> Result<Self, EncodingError> {
        if digest.len() != algorithm.hash().length() {
            return Err(EncodingError::DigestLength {
                expected: algorithm.hash().length(),
                found: digest.len(),
            });
        }
        if salt.len() != algorithm.salt_length() {
            return Err(EncodingError::SaltLength {
                expected: algorithm.salt_length(),
                found: salt.len(),
            });
        }
        let encoded = match algorithm {
            // RFC 8017 section 8.1.1: emBits is one less than the modulus has, so that EM < n;
            // the encoding is one octet shorter than the modulus if that has 8k + 1 bits.
            SignatureAlgorithm::Pss(hash) => pss(hash, digest, salt, modulus.bits() - 1)?,
            SignatureAlgorithm::Pkcs1(hash) => pkcs1(hash, digest, modulus.octets())?,
        };
        let mut octets = vec![0; modulus.octets() - encoded.len()];
        octets.extend(encoded);
        Ok(Self { octets })
    }

    /// Big endian, as long as the modulus that it was made for.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets
    }

    /// `EM mod n`, big endian, exactly as long as `n`: what a holder of a share exponentiates.
    pub fn reduced(&self, modulus: &Modulus) -> Vec<u8> {
        to_octets(&(self.value() % modulus.value()), modulus.octets())
    }

    /// `EM` as an integer.
    pub(crate) fn value(&self) -> BigUint {
        BigUint::from_bytes_be(&self.octets)
    }
}

/// RFC 8017 section 9.1.1 (EMSA-PSS-ENCODE) from step 4 on, the message being hashed already.
fn pss(
    hash: HashAlgorithm,
    digest: &[u8],
    salt: &[u8],
    bits: usize,
) -> Result<Vec<u8>, EncodingError> {
    let length = bits.div_ceil(8);
    if length < digest.len() + salt.len() + 2 {
        return Err(EncodingError::ModulusTooShort);
    }
    let seed = hash.digest(&[&[0; 8], digest, salt].concat());
    let block_length = length - seed.len() - 1;
    let mut block = vec![0; block_length - salt.len() - 1];
    block.push(0x01);
    block.extend_from_slice(salt);
    for (octet, mask) in block.iter_mut().zip(mgf1(hash, &seed, block_length)) {
        *octet ^= mask;
    }
    if let Some(first) = block.first_mut() {
        *first &= 0xff >> (8 * length - bits);
    }
    block.extend_from_slice(&seed);
    block.push(0xbc);
    Ok(block)
}

/// RFC 8017 appendix B.2.1.
fn mgf1(hash: HashAlgorithm, seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = length.div_ceil(hash.length());
    let mut mask: Vec<u8> = (0..blocks as u32)
        .flat_map(|counter| hash.digest(&[seed, &counter.to_be_bytes()].concat()))
        .collect();
    mask.truncate(length);
    mask
}

/// RFC 8017 section 9.2 (EMSA-PKCS1-v1_5) from step 2 on, the message being hashed already.
fn pkcs1(hash: HashAlgorithm, digest: &[u8], length: usize) -> Result<Vec<u8>, EncodingError> {
    let prefix = digest_info_prefix(hash).ok_or(EncodingError::HashNotOffered(hash))?;
    let info_length = prefix.len() + digest.len();
    // At least eight octets of padding.
    if length < info_length + 11 {
        return Err(EncodingError::ModulusTooShort);
    }
    let mut encoded = vec![0x00, 0x01];
    encoded.resize(length - info_length - 1, 0xff);
    encoded.push(0x00);
    encoded.extend_from_slice(&prefix);
    encoded.extend_from_slice(digest);
    Ok(encoded)
}

/// The DER of `DigestInfo` before the digest (RFC 8017 section 9.2, note 1).
fn digest_info_prefix(hash: HashAlgorithm) -> Option<[u8; 19]> {
    // The last arc of 2.16.840.1.101.3.4.2, and the lengths that follow from the digest's.
    let arc = match hash {
        HashAlgorithm::Sha256 => 1,
        HashAlgorithm::Sha384 => 2,
        HashAlgorithm::Sha512 => 3,
        // The relying-party API offers SHA-3 with PSS alone.
        HashAlgorithm::Sha3_256 | HashAlgorithm::Sha3_384 | HashAlgorithm::Sha3_512 => return None,
    };
    let length = hash.length() as u8;
    Some([
        0x30,
        17 + length,
        0x30,
        0x0d,
        0x06,
        0x09,
        0x60,
        0x86,
        0x48,
        0x01,
        0x65,
        0x03,
        0x04,
        0x02,
        arc,
        0x05,
        0x00,
        0x04,
        length,
    ])
}

/// Why a digest cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The digest is not one of the algorithm's hash.
    #[error("the digest has {found} octets instead of {expected}")]
    DigestLength {
        /// As the hash demands.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The salt is not as long as the algorithm demands.
    #[error("the salt has {found} octets instead of {expected}")]
    SaltLength {
        /// As the algorithm demands.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The hash does not go with PKCS#1 v1.5 here.
    #[error("{0} is not offered with PKCS#1 v1.5")]
    HashNotOffered(HashAlgorithm),
    /// The encoding does not fit below the modulus.
    #[error("the modulus is too short for this encoding")]
    ModulusTooShort,
}

/// A name that is no algorithm of the relying-party API, or a hash where none belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm, or a hash that does not go with it")]
pub struct UnknownAlgorithm;

#[cfg(test)]
mod tests;
