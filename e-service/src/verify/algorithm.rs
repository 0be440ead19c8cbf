//! How signatures are encoded, and how the API names it.

use serde::Deserialize;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

use super::Rejected;

/// A hash function of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are their own names")]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// How a signature is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PSS, with MGF1 of the same hash and a salt as long as the hash.
    Pss(Hash),
    /// RSASSA-PKCS1-v1_5, with a hash of the SHA-2 family.
    Pkcs1(Hash),
}

impl Hash {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        }
    }

    /// Length of its digests.
    pub fn octets(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The digest of `data`.
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

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }
}

impl SignatureAlgorithm {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs1(Hash::Sha256) => "sha256WithRSAEncryption",
            Self::Pkcs1(Hash::Sha384) => "sha384WithRSAEncryption",
            Self::Pkcs1(Hash::Sha512) => "sha512WithRSAEncryption",
            // PKCS#1 v1.5 with SHA-3 has no name there: `stated` never makes one.
            Self::Pss(_) | Self::Pkcs1(_) => "rsassa-pss",
        }
    }

    /// Its hash.
    pub fn hash(self) -> Hash {
        match self {
            Self::Pss(hash) | Self::Pkcs1(hash) => hash,
        }
    }

    /// Reads what an answer states of its signature, all parameters of which must fit together.
    pub(super) fn stated(
        name: Option<&str>,
        parameters: Option<&StatedParameters>,
    ) -> Result<Self, Rejected> {
        let name = name.ok_or(Rejected::Missing("signature.signatureAlgorithm"))?;
        match name {
            "rsassa-pss" => parameters
                .ok_or(Rejected::Missing("signature.signatureAlgorithmParameters"))?
                .pss()
                .map(Self::Pss),
            "sha256WithRSAEncryption" => Ok(Self::Pkcs1(Hash::Sha256)),
            "sha384WithRSAEncryption" => Ok(Self::Pkcs1(Hash::Sha384)),
            "sha512WithRSAEncryption" => Ok(Self::Pkcs1(Hash::Sha512)),
            _ => Err(Rejected::Malformed("signature.signatureAlgorithm")),
        }
    }
}

/// `signatureAlgorithmParameters` of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatedParameters {
    hash_algorithm: Option<String>,
    mask_gen_algorithm: Option<MaskGenAlgorithm>,
    salt_length: Option<u64>,
    trailer_field: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct MaskGenAlgorithm {
    algorithm: Option<String>,
    parameters: Option<MaskGenParameters>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaskGenParameters {
    hash_algorithm: Option<String>,
}

impl StatedParameters {
    fn pss(&self) -> Result<Hash, Rejected> {
        const HASH: &str = "hashAlgorithm";
        const MASK: &str = "maskGenAlgorithm.algorithm";
        const MASK_HASH: &str = "maskGenAlgorithm.parameters.hashAlgorithm";
        const SALT: &str = "saltLength";
        const TRAILER: &str = "trailerField";
        let name = self.hash_algorithm.as_deref();
        let hash =
            Hash::named(name.ok_or(Rejected::Missing(HASH))?).ok_or(Rejected::Malformed(HASH))?;
        let mask = self
            .mask_gen_algorithm
            .as_ref()
            .ok_or(Rejected::Missing(MASK))?;
        must_be(mask.algorithm.as_deref(), "id-mgf1", MASK)?;
        let parameters = mask
            .parameters
            .as_ref()
            .ok_or(Rejected::Missing(MASK_HASH))?;
        must_be(parameters.hash_algorithm.as_deref(), hash.name(), MASK_HASH)?;
        let salt = self.salt_length.ok_or(Rejected::Missing(SALT))?;
        if usize::try_from(salt) != Ok(hash.octets()) {
            return Err(Rejected::Malformed(SALT));
        }
        must_be(self.trailer_field.as_deref(), "0xbc", TRAILER)?;
        Ok(hash)
    }
}

fn must_be(value: Option<&str>, expected: &str, field: &'static str) -> Result<(), Rejected> {
    match value {
        Some(value) if value == expected => Ok(()),
        Some(_) => Err(Rejected::Malformed(field)),
        None => Err(Rejected::Missing(field)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parameters() -> Value {
        json!({
            "hashAlgorithm": "SHA3-384",
            "maskGenAlgorithm": {"algorithm": "id-mgf1", "parameters": {"hashAlgorithm": "SHA3-384"}},
            "saltLength": 48,
            "trailerField": "0xbc",
        })
    }

    fn read(parameters: Value) -> Result<SignatureAlgorithm, Rejected> {
        let stated: StatedParameters = serde_json::from_value(parameters).unwrap();
        SignatureAlgorithm::stated(Some("rsassa-pss"), Some(&stated))
    }

    #[test]
    fn parameters_fit_together() {
        assert_eq!(
            read(parameters()),
            Ok(SignatureAlgorithm::Pss(Hash::Sha3_384))
        );
        for (pointer, value, field) in [
            ("/hashAlgorithm", json!("MD5"), "hashAlgorithm"),
            (
                "/maskGenAlgorithm/algorithm",
                json!("id-mgf2"),
                "maskGenAlgorithm.algorithm",
            ),
            (
                "/maskGenAlgorithm/parameters/hashAlgorithm",
                json!("SHA-384"),
                "maskGenAlgorithm.parameters.hashAlgorithm",
            ),
            ("/saltLength", json!(32), "saltLength"),
            ("/trailerField", json!("0xcc"), "trailerField"),
        ] {
            let mut wrong = parameters();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert_eq!(read(wrong), Err(Rejected::Malformed(field)), "{pointer}");
            let mut missing = parameters();
            *missing.pointer_mut(pointer).unwrap() = Value::Null;
            assert_eq!(read(missing), Err(Rejected::Missing(field)), "{pointer}");
        }
    }

    #[test]
    fn the_algorithm_has_one_of_four_names() {
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let algorithm = SignatureAlgorithm::Pkcs1(hash);
            let stated = SignatureAlgorithm::stated(Some(algorithm.name()), None);
            assert_eq!(stated, Ok(algorithm));
        }
        let field = "signature.signatureAlgorithm";
        assert_eq!(
            SignatureAlgorithm::stated(None, None),
            Err(Rejected::Missing(field))
        );
        assert_eq!(
            SignatureAlgorithm::stated(Some("sha1WithRSAEncryption"), None),
            Err(Rejected::Malformed(field))
        );
        assert_eq!(
            SignatureAlgorithm::stated(Some("rsassa-pss"), None),
            Err(Rejected::Missing("signature.signatureAlgorithmParameters"))
        );
    }
}
