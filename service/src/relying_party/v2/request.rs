//! What a relying party may send in version 2. What becomes of it is a request as version 3 knows
//! them, over a bare digest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::interaction::{Flow, Interactions};

use crate::relying_party::fields::{Fields, Findings};
use crate::relying_party::problem::Problem;
use crate::relying_party::request::{
    self, ChoiceRequest, Claim, MinimumLevel, OpeningRequest, RequestedContent, SessionKind,
};

/// The longest `relyingPartyName`, in octets of UTF-8.
pub(in super::super) const LONGEST_NAME: usize = 32;

/// Parses the body of a request for a certificate choice.
pub(in super::super) fn parse_choice(body: &Map<String, Value>) -> Result<ChoiceRequest, Problem> {
    let findings = Findings::default();
    let fields = Fields::of_body(body, &findings);
    let request = ChoiceRequest::read(Flow::BareDigest, &fields, read_claim(&fields));
    request::conclude(request, findings)
}

/// Parses the body of a request for a login or a signature.
pub(in super::super) fn parse(
    kind: SessionKind,
    body: &Map<String, Value>,
) -> Result<OpeningRequest, Problem> {
    let findings = Findings::default();
    let request = read(kind, &Fields::of_body(body, &findings));
    request::conclude(request, findings)
}

/// Every part is read before the first missing one ends the matter, so that all faults are found.
fn read(kind: SessionKind, fields: &Fields<'_>) -> Option<OpeningRequest> {
    let claim = read_claim(fields);
    let (purpose, highest) = match kind {
        SessionKind::Authentication => (KeyPurpose::Authentication, None),
        SessionKind::Signature => (KeyPurpose::Signing, Some(MinimumLevel::Qscd)),
    };
    let level = request::read_level(fields, highest);
    let algorithm = read_hash_type(fields);
    let digest = read_hash(fields, algorithm);
    let interactions = read_interactions(fields);
    let nonce = request::read_nonce(fields);
    let properties = request::read_properties(fields);
    let capabilities = request::read_capabilities(fields);
    Some(OpeningRequest {
        claim: claim?,
        level: level?,
        content: RequestedContent::BareDigest {
            purpose,
            digest: digest?,
        },
        algorithm: algorithm?,
        interactions: interactions?,
        initial_callback_url: None,
        nonce,
        properties,
        capabilities,
    })
}

fn read_claim(fields: &Fields<'_>) -> Option<Claim> {
    const NAME: &str = "relyingPartyName";
    let claim = request::read_claim(fields)?;
    let judged = match claim.name.len() <= LONGEST_NAME {
        true => Ok(claim),
        false => Err(format!("has at most {LONGEST_NAME} octets in UTF-8")),
    };
    fields.keep(NAME, judged)
}

/// The hash and with it the encoding, for there is one only.
fn read_hash_type(fields: &Fields<'_>) -> Option<SignatureAlgorithm> {
    const NAME: &str = "hashType";
    let hash = match fields.required_text(NAME)? {
        "SHA256" => Ok(HashAlgorithm::Sha256),
        "SHA384" => Ok(HashAlgorithm::Sha384),
        "SHA512" => Ok(HashAlgorithm::Sha512),
        _ => Err("must be SHA256, SHA384 or SHA512".to_owned()),
    };
    fields.keep(NAME, hash).map(SignatureAlgorithm::Pkcs1)
}

fn read_hash(fields: &Fields<'_>, algorithm: Option<SignatureAlgorithm>) -> Option<Vec<u8>> {
    const NAME: &str = "hash";
    let text = fields.required_text(NAME)?;
    let digest =
        request::base64_octets(text).and_then(|octets| request::judge_digest(octets, algorithm));
    fields.keep(NAME, digest)
}

/// An array here, and Base64 of one everywhere else.
fn read_interactions(fields: &Fields<'_>) -> Option<String> {
    const NAME: &str = "allowedInteractionsOrder";
    let array = fields.required_array(NAME)?;
    let encoded = STANDARD.encode(Value::from(array.clone()).to_string());
    let judged = Interactions::parse(&encoded, Flow::BareDigest)
        .map(|_| encoded)
        .map_err(|refusal| refusal.to_string());
    fields.keep(NAME, judged)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
