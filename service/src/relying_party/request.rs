//! What a relying party may send, and what is kept of it. Parsing checks every rule that needs
//! neither the store nor the caller's address.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use symbolon_protocol::encoding::SignatureAlgorithm;
use symbolon_protocol::identifiers::{CertificateLevel, KeyPurpose};
use symbolon_protocol::interaction::{Flow, Interactions};
use uuid::Uuid;

use super::algorithm;
use super::fields::{Fields, Findings};
use super::problem::Problem;

/// The longest `initialCallbackUrl`, in characters.
pub(super) const LONGEST_CALLBACK: usize = 1800;

/// The longest `nonce`, in characters.
pub(super) const LONGEST_NONCE: usize = 30;

/// A request for a login or a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningRequest {
    /// Who says to be asking.
    pub claim: Claim,
    /// The least level of the account's certificates.
    pub level: MinimumLevel,
    /// What is to be signed.
    pub content: RequestedContent,
    /// How the signature is to be encoded.
    pub algorithm: SignatureAlgorithm,
    /// Base64 as sent, checked but not altered: its own octets enter the signed payload.
    pub interactions: String,
    /// Where the device leads the person afterwards, as sent; in device-link flows alone.
    pub initial_callback_url: Option<String>,
    /// Keeps two equal signature requests from being taken for one.
    pub nonce: Option<String>,
    /// `requestProperties`.
    pub properties: Properties,
    /// `capabilities`.
    pub capabilities: Vec<String>,
}

/// A request to be told the signing certificate of a person who agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceRequest {
    /// Who says to be asking.
    pub claim: Claim,
    /// The least level of the certificate.
    pub level: MinimumLevel,
    /// Where the device leads the person afterwards, as sent; in device-link flows alone.
    pub initial_callback_url: Option<String>,
    /// Keeps two equal requests from being taken for one.
    pub nonce: Option<String>,
    /// `requestProperties`.
    pub properties: Properties,
    /// `capabilities`.
    pub capabilities: Vec<String>,
}

/// A request for the signature that a certificate choice announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedRequest {
    /// The signature.
    pub opening: OpeningRequest,
    /// The certificate choice's session, as sent: whether there is such a one, the store knows.
    pub linked_session: String,
}

/// A request for an account's signing certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Who says to be asking.
    pub claim: Claim,
    /// The least level of the certificate.
    pub level: MinimumLevel,
}

/// Who says to be asking; believed only with a source address that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// `relyingPartyUUID`.
    pub uuid: Uuid,
    /// `relyingPartyName` exactly as sent: its octets enter the signed payload.
    pub name: String,
}

/// What is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedContent {
    /// A login.
    Authentication {
        /// Base64 as sent.
        rp_challenge: String,
    },
    /// A signature over a digest as long as the algorithm's hash.
    Signature {
        /// The digest itself.
        digest: Vec<u8>,
    },
    /// A login or a signature of version 2, over a digest as long as the algorithm's hash.
    BareDigest {
        /// Which.
        purpose: KeyPurpose,
        /// The digest itself.
        digest: Vec<u8>,
    },
}

/// The kinds of session that a path can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// `/authentication/…`.
    Authentication,
    /// `/signature/…`.
    Signature,
}

/// A `certificateLevel` as the least that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinimumLevel {
    /// Any account.
    Advanced,
    /// Qualified accounts.
    Qualified,
    /// Qualified accounts whose key can make qualified signatures; each of ours can.
    Qscd,
}

impl MinimumLevel {
    /// The least level that an account must have.
    pub fn certificate_level(self) -> CertificateLevel {
        match self {
            Self::Advanced => CertificateLevel::Advanced,
            Self::Qualified | Self::Qscd => CertificateLevel::Qualified,
        }
    }
}

/// `requestProperties`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Whether the device's address is wanted with the result.
    pub share_device_address: bool,
    /// The names of all others; the session's status lists them.
    pub ignored: Vec<String>,
}

impl OpeningRequest {
    /// Parses the body of a request for a login or a signature.
    pub fn parse(
        kind: SessionKind,
        flow: Flow,
        body: &Map<String, Value>,
    ) -> Result<Self, Problem> {
        let findings = Findings::default();
        let request = read_opening_request(kind, flow, &Fields::of_body(body, &findings));
        conclude(request, findings)
    }
}

impl ChoiceRequest {
    /// Parses the body of a request for a certificate choice.
    pub fn parse(flow: Flow, body: &Map<String, Value>) -> Result<Self, Problem> {
        let findings = Findings::default();
        let fields = Fields::of_body(body, &findings);
        let request = Self::read(flow, &fields, read_claim(&fields));
        conclude(request, findings)
    }

    /// Reads everything but the claim, on which the versions of the API differ.
    pub(super) fn read(flow: Flow, fields: &Fields<'_>, claim: Option<Claim>) -> Option<Self> {
        let level = read_level(fields, Some(MinimumLevel::Qscd));
        let initial_callback_url = match flow {
            Flow::DeviceLink => read_callback(fields),
            Flow::Notification | Flow::Linked | Flow::BareDigest => None,
        };
        let nonce = read_nonce(fields);
        let properties = read_properties(fields);
        let capabilities = read_capabilities(fields);
        Some(Self {
            claim: claim?,
            level: level?,
            initial_callback_url,
            nonce,
            properties,
            capabilities,
        })
    }
}

impl LinkedRequest {
    /// Parses the body of a request for a linked signature.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Problem> {
        let findings = Findings::default();
        let fields = Fields::of_body(body, &findings);
        let opening = read_opening_request(SessionKind::Signature, Flow::Linked, &fields);
        let linked_session = fields.required_text("linkedSessionID");
        let request = opening
            .zip(linked_session)
            .map(|(opening, linked_session)| Self {
                opening,
                linked_session: linked_session.to_owned(),
            });
        conclude(request, findings)
    }
}

impl CertificateRequest {
    /// Parses the body of a request for a certificate.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Problem> {
        let findings = Findings::default();
        let fields = Fields::of_body(body, &findings);
        let claim = read_claim(&fields);
        let level = read_level(&fields, Some(MinimumLevel::Qscd));
        let request = claim.zip(level).map(|(claim, level)| Self { claim, level });
        conclude(request, findings)
    }
}

/// A request counts only if nothing at all was found wrong.
pub(super) fn conclude<T>(request: Option<T>, findings: Findings) -> Result<T, Problem> {
    let violations = findings.into_violations();
    match request {
        Some(request) if violations.is_empty() => Ok(request),
        _ => Err(Problem::invalid(violations)),
    }
}

/// Every part is read before the first missing one ends the matter, so that all faults are found.
fn read_opening_request(
    kind: SessionKind,
    flow: Flow,
    fields: &Fields<'_>,
) -> Option<OpeningRequest> {
    let claim = read_claim(fields);
    let highest = (kind == SessionKind::Signature).then_some(MinimumLevel::Qscd);
    let level = read_level(fields, highest);
    read_protocol(kind, fields);
    let signed = fields
        .required_object("signatureProtocolParameters")
        .map(|parameters| {
            let algorithm = algorithm::read(&parameters);
            (read_content(kind, &parameters, algorithm), algorithm)
        });
    let interactions = read_interactions(fields, flow);
    let initial_callback_url = match flow {
        Flow::DeviceLink => read_callback(fields),
        Flow::Notification | Flow::Linked | Flow::BareDigest => None,
    };
    let nonce = match (kind, flow) {
        (SessionKind::Authentication, Flow::Notification) => {
            read_verification_code_type(fields);
            None
        }
        (SessionKind::Authentication, _) => None,
        (SessionKind::Signature, _) => read_nonce(fields),
    };
    let properties = read_properties(fields);
    let capabilities = read_capabilities(fields);
    let (content, algorithm) = signed?;
    Some(OpeningRequest {
        claim: claim?,
        level: level?,
        content: content?,
        algorithm: algorithm?,
        interactions: interactions?,
        initial_callback_url,
        nonce,
        properties,
        capabilities,
    })
}

pub(super) fn read_claim(fields: &Fields<'_>) -> Option<Claim> {
    let uuid = fields.required_text("relyingPartyUUID").and_then(|text| {
        let uuid = Uuid::try_parse(text)
            .ok()
            .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
            .ok_or_else(|| "must be a UUID".to_owned());
        fields.keep("relyingPartyUUID", uuid)
    });
    let name = fields.required_text("relyingPartyName").and_then(|name| {
        let name = match name {
            "" => Err("must not be empty".to_owned()),
            name => Ok(name.to_owned()),
        };
        fields.keep("relyingPartyName", name)
    });
    Some(Claim {
        uuid: uuid?,
        name: name?,
    })
}

/// `highest` is the level beyond `QUALIFIED` that may be asked for, if there is one.
pub(super) fn read_level(
    fields: &Fields<'_>,
    highest: Option<MinimumLevel>,
) -> Option<MinimumLevel> {
    let Some(text) = fields.text("certificateLevel") else {
        return Some(MinimumLevel::Qualified);
    };
    let level = match (text, highest) {
        ("ADVANCED", _) => Ok(MinimumLevel::Advanced),
        ("QUALIFIED", _) => Ok(MinimumLevel::Qualified),
        ("QSCD", Some(highest)) => Ok(highest),
        (_, Some(_)) => Err("must be ADVANCED, QUALIFIED or QSCD".to_owned()),
        (_, None) => Err("must be ADVANCED or QUALIFIED".to_owned()),
    };
    fields.keep("certificateLevel", level)
}

fn read_protocol(kind: SessionKind, fields: &Fields<'_>) {
    let wanted = match kind {
        SessionKind::Authentication => "ACSP_V2",
        SessionKind::Signature => "RAW_DIGEST_SIGNATURE",
    };
    require_exactly(fields, "signatureProtocol", wanted);
}

/// The only type there is; a relying party must name it for authentication alone.
fn read_verification_code_type(fields: &Fields<'_>) {
    require_exactly(fields, "vcType", "numeric4");
}

fn require_exactly(fields: &Fields<'_>, name: &str, wanted: &str) {
    match fields.required_text(name) {
        Some(text) if text != wanted => {
            fields.refuse(name, format!("Invalid {name}: must be {wanted}"));
        }
        _ => {}
    }
}

fn read_content(
    kind: SessionKind,
    parameters: &Fields<'_>,
    algorithm: Option<SignatureAlgorithm>,
) -> Option<RequestedContent> {
    match kind {
        SessionKind::Authentication => {
            let text = parameters.required_text("rpChallenge")?;
            let challenge = base64_octets(text).and_then(|octets| match octets.len() {
                32..=64 => Ok(text.to_owned()),
                _ => Err("must be 32 to 64 octets in Base64".to_owned()),
            });
            let rp_challenge = parameters.keep("rpChallenge", challenge)?;
            Some(RequestedContent::Authentication { rp_challenge })
        }
        SessionKind::Signature => {
            let text = parameters.required_text("digest")?;
            let digest = base64_octets(text).and_then(|octets| judge_digest(octets, algorithm));
            let digest = parameters.keep("digest", digest)?;
            Some(RequestedContent::Signature { digest })
        }
    }
}

/// A digest's length is all that can be checked. Where the algorithm itself is wrong, only that is
/// reported.
pub(super) fn judge_digest(
    digest: Vec<u8>,
    algorithm: Option<SignatureAlgorithm>,
) -> Result<Vec<u8>, String> {
    let Some(algorithm) = algorithm else {
        return Ok(digest);
    };
    let hash = algorithm.hash();
    if digest.len() == hash.length() {
        Ok(digest)
    } else {
        Err(format!(
            "must be {} octets in Base64, the length of {}",
            hash.length(),
            hash.as_str()
        ))
    }
}

/// Only the one canonical spelling with padding: the device must read the same octets.
pub(super) fn base64_octets(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|_| "must be Base64 with padding".to_owned())
}

fn read_interactions(fields: &Fields<'_>, flow: Flow) -> Option<String> {
    let text = fields.required_text("interactions")?;
    let judged = Interactions::parse(text, flow)
        .map(|_| text.to_owned())
        .map_err(|refusal| refusal.to_string());
    fields.keep("interactions", judged)
}

/// `^https://([^|#]+)$`, at most 1800 characters: it enters a payload whose fields `|` parts.
fn read_callback(fields: &Fields<'_>) -> Option<String> {
    let text = fields.text("initialCallbackUrl")?;
    let is_url = text
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && !rest.contains(['|', '#']));
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    let url = match is_url && is_plain && text.len() <= LONGEST_CALLBACK {
        true => Ok(text.to_owned()),
        false => Err("The callback URL value is invalid".to_owned()),
    };
    fields.keep("initialCallbackUrl", url)
}

pub(super) fn read_nonce(fields: &Fields<'_>) -> Option<String> {
    let text = fields.text("nonce")?;
    let nonce = match text.chars().count() {
        1..=LONGEST_NONCE => Ok(text.to_owned()),
        _ => Err(format!("must have 1 to {LONGEST_NONCE} characters")),
    };
    fields.keep("nonce", nonce)
}

pub(super) fn read_properties(fields: &Fields<'_>) -> Properties {
    const SHARE_DEVICE_ADDRESS: &str = "shareMdClientIpAddress";
    let Some(properties) = fields.object("requestProperties") else {
        return Properties::default();
    };
    Properties {
        share_device_address: properties.flag(SHARE_DEVICE_ADDRESS).unwrap_or(false),
        ignored: properties
            .names()
            .filter(|name| *name != SHARE_DEVICE_ADDRESS)
            .cloned()
            .collect(),
    }
}

pub(super) fn read_capabilities(fields: &Fields<'_>) -> Vec<String> {
    let capabilities = fields.texts("capabilities").unwrap_or_default();
    capabilities.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
