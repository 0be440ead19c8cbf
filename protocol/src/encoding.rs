//! Encoded messages: EMSA-PSS and EMSA-PKCS1-v1_5 (RFC 8017 sections 9.1 and 9.2).

use serde::{Deserialize, Serialize};

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

/// An encoded message `EM`, as an integer below the modulus that it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedMessage {
    /// Big endian, as long as the modulus.
    octets: Vec<u8>,
}
