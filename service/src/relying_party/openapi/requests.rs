//! The schemas of requests. The parser reads a request field by field and has no type to make a
//! schema from; its names and bounds stand here once more, and the tests beside this file hold
//! each of them to it.

use serde_json::{Map, Value, json};
use symbolon_protocol::encoding::HashAlgorithm;
use symbolon_protocol::interaction::{self, Flow};

use super::super::request::{LONGEST_CALLBACK, LONGEST_NONCE, SessionKind};
use super::super::routes::{Asks, all};

/// One field.
pub(super) struct Field {
    name: &'static str,
    required: bool,
    schema: Value,
}

pub(super) fn required(name: &'static str, schema: Value) -> Field {
    Field {
        name,
        required: true,
        schema,
    }
}

/// A field that may be absent, and then may as well be null.
pub(super) fn optional(name: &'static str, mut schema: Value) -> Field {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    Field {
        name,
        required: false,
        schema,
    }
}

/// The schema's name, where there is a body.
pub(super) fn name_of(asks: Asks) -> Option<String> {
    let flow = match asks {
        Asks::Poll => return None,
        Asks::Certificate => return Some("CertificateRequest".into()),
        Asks::Choice(Flow::DeviceLink) => return Some("DeviceLinkCertificateChoice".into()),
        Asks::Choice(_) => return Some("NotificationCertificateChoice".into()),
        Asks::Session(_, flow) => match flow {
            Flow::DeviceLink => "DeviceLink",
            Flow::Notification => "Notification",
            Flow::Linked => "Linked",
            // The document is about version 3.
            Flow::BareDigest => return None,
        },
    };
    let kind = match asks {
        Asks::Session(SessionKind::Authentication, _) => "Authentication",
        _ => "Signature",
    };
    Some(format!("{flow}{kind}Request"))
}

/// All schemas, by name.
pub(super) fn schemas() -> Map<String, Value> {
    all()
        .iter()
        .filter_map(|route| Some((name_of(route.asks)?, schema(route.asks))))
        .collect()
}

/// The schema of a body.
pub(super) fn schema(asks: Asks) -> Value {
    object(fields(asks))
}

/// What every request's example begins with: the relying party of Smart-ID's demo environment.
pub(super) fn asker() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
    })
}

/// A body that is accepted, as Smart-ID's demo environment knows it.
pub(super) fn example(asks: Asks) -> Value {
    let mut body = asker();
    let Asks::Session(kind, flow) = asks else {
        return body;
    };
    let (protocol, name, value) = match kind {
        SessionKind::Authentication => (
            "ACSP_V2",
            "rpChallenge",
            "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
        ),
        SessionKind::Signature => (
            "RAW_DIGEST_SIGNATURE",
            "digest",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        ),
    };
    body["signatureProtocol"] = json!(protocol);
    body["signatureProtocolParameters"] = json!({
        name: value,
        "signatureAlgorithm": "rsassa-pss",
        "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-256"},
    });
    // [{"type":"confirmationMessage","displayText200":"Login?"}]
    body["interactions"] =
        json!("W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZ2luPyJ9XQ==");
    if flow == Flow::Linked {
        body["linkedSessionID"] = json!("fa20fd1e-e320-4c68-8315-f6a507a0b4a9");
    }
    if (kind, flow) == (SessionKind::Authentication, Flow::Notification) {
        body["vcType"] = json!("numeric4");
    }
    body
}

fn fields(asks: Asks) -> Vec<Field> {
    let mut fields = vec![
        required(
            "relyingPartyUUID",
            json!({"type": "string", "format": "uuid"}),
        ),
        required(
            "relyingPartyName",
            json!({"type": "string", "minLength": 1}),
        ),
    ];
    let (kind, flow) = match asks {
        Asks::Session(kind, flow) => (kind, flow),
        Asks::Choice(flow) => {
            fields.push(level(&["ADVANCED", "QUALIFIED", "QSCD"]));
            fields.extend(session_fields());
            fields.push(nonce());
            fields.extend((flow == Flow::DeviceLink).then(callback));
            return fields;
        }
        Asks::Certificate | Asks::Poll => {
            fields.push(level(&["ADVANCED", "QUALIFIED", "QSCD"]));
            return fields;
        }
    };
    let (levels, protocol): (&[&str], _) = match kind {
        SessionKind::Authentication => (&["ADVANCED", "QUALIFIED"], "ACSP_V2"),
        SessionKind::Signature => (&["ADVANCED", "QUALIFIED", "QSCD"], "RAW_DIGEST_SIGNATURE"),
    };
    fields.extend([
        level(levels),
        required(
            "signatureProtocol",
            json!({"type": "string", "const": protocol}),
        ),
        required("signatureProtocolParameters", parameters(kind)),
        required(
            "interactions",
            json!({"type": "string", "contentEncoding": "base64",
                   "maxLength": interaction::MAX_LENGTH,
                   "description": "A JSON array of interactions, in Base64."}),
        ),
    ]);
    fields.extend(session_fields());
    match (kind, flow) {
        (SessionKind::Authentication, Flow::Notification) => fields.push(required(
            "vcType",
            json!({"type": "string", "const": "numeric4"}),
        )),
        (SessionKind::Authentication, _) => {}
        (SessionKind::Signature, _) => fields.push(nonce()),
    }
    if flow == Flow::Linked {
        fields.push(required(
            "linkedSessionID",
            json!({"type": "string",
                   "description": "The certificate choice that announced the signature."}),
        ));
    }
    fields.extend((flow == Flow::DeviceLink).then(callback));
    fields
}

/// What every request that opens a session may have.
pub(super) fn session_fields() -> [Field; 2] {
    [
        optional(
            "requestProperties",
            object(vec![optional(
                "shareMdClientIpAddress",
                json!({"type": "boolean"}),
            )]),
        ),
        optional(
            "capabilities",
            json!({"type": "array", "items": {"type": "string"}}),
        ),
    ]
}

pub(super) fn nonce() -> Field {
    optional(
        "nonce",
        json!({"type": "string", "minLength": 1, "maxLength": LONGEST_NONCE}),
    )
}

fn callback() -> Field {
    optional(
        "initialCallbackUrl",
        json!({"type": "string", "maxLength": LONGEST_CALLBACK,
               "pattern": "^https://[!-\"$-{}~]+$"}),
    )
}

pub(super) fn level(levels: &[&str]) -> Field {
    let schema = json!({"type": "string", "enum": levels, "default": "QUALIFIED"});
    optional("certificateLevel", schema)
}

fn parameters(kind: SessionKind) -> Value {
    let name = match kind {
        SessionKind::Authentication => "rpChallenge",
        SessionKind::Signature => "digest",
    };
    let hashes: Vec<&str> = HashAlgorithm::ALL
        .iter()
        .map(|hash| hash.as_str())
        .collect();
    let mut schema = object(vec![
        required(
            name,
            json!({"type": "string", "minLength": 44, "maxLength": 88,
                   "pattern": "^[a-zA-Z0-9+/]+={0,2}$"}),
        ),
        required(
            "signatureAlgorithm",
            json!({"type": "string", "enum": [
                "rsassa-pss", "sha256WithRSAEncryption", "sha384WithRSAEncryption",
                "sha512WithRSAEncryption",
            ]}),
        ),
        optional(
            "signatureAlgorithmParameters",
            object(vec![required(
                "hashAlgorithm",
                json!({"type": "string", "enum": hashes}),
            )]),
        ),
    ]);
    schema["if"] = json!({"properties": {"signatureAlgorithm": {"const": "rsassa-pss"}}});
    schema["then"] = json!({"required": ["signatureAlgorithmParameters"]});
    schema
}

/// Fields that nobody asks for are ignored, so more of them are allowed.
pub(super) fn object(fields: Vec<Field>) -> Value {
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let properties: Map<String, Value> = fields
        .into_iter()
        .map(|field| (field.name.to_owned(), field.schema))
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
