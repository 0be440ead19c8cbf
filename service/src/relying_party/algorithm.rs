//! Signature algorithms as the relying-party API spells them.

use serde_json::{Value, json};
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};

use super::fields::Fields;

/// Reads `signatureAlgorithm` and, for RSASSA-PSS, the hash that must then be named.
pub(super) fn read(parameters: &Fields<'_>) -> Option<SignatureAlgorithm> {
    const NAME: &str = "signatureAlgorithm";
    let name = parameters.required_text(NAME)?;
    let hash = if name == "rsassa-pss" {
        let inner = parameters.required_object("signatureAlgorithmParameters")?;
        Some(read_hash(&inner)?)
    } else {
        None
    };
    SignatureAlgorithm::from_api(name, hash)
        // The very words of the system that relying parties know.
        .map_err(|_| parameters.refuse(NAME, "Invalid signature algorithm parameter"))
        .ok()
}

fn read_hash(parameters: &Fields<'_>) -> Option<HashAlgorithm> {
    const NAME: &str = "hashAlgorithm";
    let text = parameters.required_text(NAME)?;
    let hash = text.parse().map_err(|_| {
        "must be SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-384 or SHA3-512".to_owned()
    });
    parameters.keep(NAME, hash)
}

/// `signatureAlgorithmParameters` of a result: for RSASSA-PSS alone.
pub(super) fn parameters_of(algorithm: SignatureAlgorithm) -> Option<Value> {
    let SignatureAlgorithm::Pss(hash) = algorithm else {
        return None;
    };
    Some(json!({
        "hashAlgorithm": hash.as_str(),
        "maskGenAlgorithm": {
            "algorithm": "id-mgf1",
            "parameters": {"hashAlgorithm": hash.as_str()},
        },
        "saltLength": hash.length(),
        "trailerField": "0xbc",
    }))
}
