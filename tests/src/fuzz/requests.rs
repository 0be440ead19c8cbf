//! Valid requests of every kind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};

use super::{ACCOUNT, Party};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Value,
}

/// What a path needs in its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Login,
    Signing,
    Linked,
    Choice,
    Certificate,
    LoginV2,
    SigningV2,
    ChoiceV2,
}

const PERSON: &str = "PNOEE-40504040001";

/// Every endpoint: its path, whether links are made of it, and what it takes.
const ENDPOINTS: [(&str, bool, Kind); 22] = [
    (
        "/v3/authentication/device-link/anonymous",
        true,
        Kind::Login,
    ),
    (
        "/v3/authentication/device-link/etsi/{person}",
        true,
        Kind::Login,
    ),
    (
        "/v3/authentication/device-link/document/{account}",
        true,
        Kind::Login,
    ),
    (
        "/v3/authentication/notification/etsi/{person}",
        false,
        Kind::Login,
    ),
    (
        "/v3/authentication/notification/document/{account}",
        false,
        Kind::Login,
    ),
    (
        "/v3/signature/device-link/etsi/{person}",
        true,
        Kind::Signing,
    ),
    (
        "/v3/signature/device-link/document/{account}",
        true,
        Kind::Signing,
    ),
    (
        "/v3/signature/notification/etsi/{person}",
        false,
        Kind::Signing,
    ),
    (
        "/v3/signature/notification/document/{account}",
        false,
        Kind::Signing,
    ),
    (
        "/v3/signature/notification/linked/{account}",
        false,
        Kind::Linked,
    ),
    (
        "/v3/signature/certificate/{account}",
        false,
        Kind::Certificate,
    ),
    (
        "/v3/signature/certificate-choice/device-link/anonymous",
        true,
        Kind::Choice,
    ),
    (
        "/v3/signature/certificate-choice/notification/etsi/{person}",
        false,
        Kind::Choice,
    ),
    ("/v2/authentication/etsi/{person}", false, Kind::LoginV2),
    (
        "/v2/authentication/document/{account}",
        false,
        Kind::LoginV2,
    ),
    (
        "/v2/authentication/private/somebody/1",
        false,
        Kind::LoginV2,
    ),
    ("/v2/signature/private/somebody/1", false, Kind::SigningV2),
    (
        "/v2/certificatechoice/private/somebody/1",
        false,
        Kind::ChoiceV2,
    ),
    ("/v2/signature/etsi/{person}", false, Kind::SigningV2),
    ("/v2/signature/document/{account}", false, Kind::SigningV2),
    ("/v2/certificatechoice/etsi/{person}", false, Kind::ChoiceV2),
    (
        "/v2/certificatechoice/document/{account}",
        false,
        Kind::ChoiceV2,
    ),
];

/// One of them, as `party` would ask it.
pub(super) fn any(random: &mut Rng, party: &Party, opened: &[(usize, String)]) -> Request {
    let (path, is_link, kind) = ENDPOINTS[random.usize(0..ENDPOINTS.len())];
    let mut body = match kind {
        Kind::Login | Kind::Signing | Kind::Linked | Kind::Choice | Kind::Certificate => {
            version_3(random, kind, is_link, opened)
        }
        Kind::LoginV2 | Kind::SigningV2 | Kind::ChoiceV2 => version_2(random, kind),
    };
    body["relyingPartyUUID"] = party.uuid.as_str().into();
    body["relyingPartyName"] = party.name.as_str().into();
    Request {
        path: path
            .replace("{person}", PERSON)
            .replace("{account}", ACCOUNT),
        content_type: "application/json",
        body,
    }
}

fn version_3(random: &mut Rng, kind: Kind, is_link: bool, opened: &[(usize, String)]) -> Value {
    let mut body = json!({"certificateLevel": "QUALIFIED"});
    if is_link && random.bool() {
        body["initialCallbackUrl"] = "https://rp.example/back".into();
    }
    if matches!(kind, Kind::Choice | Kind::Certificate) {
        return body;
    }
    let (hash, octets) = HASHES[random.usize(0..HASHES.len())];
    let mut parameters = json!({
        "signatureAlgorithm": "rsassa-pss",
        "signatureAlgorithmParameters": {"hashAlgorithm": hash},
    });
    body["interactions"] = STANDARD.encode(SHOWN).into();
    if kind == Kind::Login {
        parameters["rpChallenge"] = base64(random, 48).into();
        body["signatureProtocol"] = "ACSP_V2".into();
        if !is_link {
            body["vcType"] = "numeric4".into();
        }
    } else {
        parameters["digest"] = base64(random, octets).into();
        body["signatureProtocol"] = "RAW_DIGEST_SIGNATURE".into();
        body["nonce"] = random.u32(..).to_string().into();
    }
    if kind == Kind::Linked {
        let known = (!opened.is_empty()).then(|| opened[random.usize(0..opened.len())].1.clone());
        body["linkedSessionID"] = known
            .unwrap_or_else(|| "10000000-0000-4000-8000-000000000000".into())
            .into();
    }
    body["signatureProtocolParameters"] = parameters;
    body
}

fn version_2(random: &mut Rng, kind: Kind) -> Value {
    let mut body = json!({"certificateLevel": "QUALIFIED"});
    if kind != Kind::ChoiceV2 {
        body["hash"] = base64(random, 32).into();
        body["hashType"] = "SHA256".into();
        body["allowedInteractionsOrder"] = json!([
            {"type": "displayTextAndPIN", "displayText60": "Log in?"},
        ]);
        body["nonce"] = random.u32(..).to_string().into();
    }
    body
}

const HASHES: [(&str, usize); 6] = [
    ("SHA-256", 32),
    ("SHA-384", 48),
    ("SHA-512", 64),
    ("SHA3-256", 32),
    ("SHA3-384", 48),
    ("SHA3-512", 64),
];

const SHOWN: &str = r#"[{"type":"confirmationMessage","displayText200":"Log in?"}]"#;

fn base64(random: &mut Rng, octets: usize) -> String {
    let octets: Vec<u8> = (0..octets).map(|_| random.u8(..)).collect();
    STANDARD.encode(octets)
}
