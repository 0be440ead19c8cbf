//! What the document says of version 2.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::super::notification::OpenedBody;
use super::super::request::SessionKind;
use super::super::v2::problem::{RefusalBody, STATUSES};
use super::super::v2::request::LONGEST_NAME;
use super::super::v2::routes::{Asks, Route, all};
use super::super::v2::status::StatusBody;
use super::requests::{Field, asker, level, nonce, object, required, session_fields};
use super::{Operation, operation_id};

/// In front of every name that version 3 has as well.
const PREFIX: &str = "v2";

/// What is told of each route.
pub(super) fn operations(generator: &mut SchemaGenerator) -> Vec<Operation> {
    all()
        .iter()
        .map(|route| operation(route, generator))
        .collect()
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Operation {
    let polls = route.asks == Asks::Poll;
    Operation {
        path: route.path,
        method: if polls { "get" } else { "post" },
        id: operation_id(&format!("{PREFIX}{}", route.path)),
        summary: route.summary,
        names: route.names,
        polls,
        answer: match polls {
            true => generator.subschema_for::<StatusBody>(),
            false => generator.subschema_for::<OpenedBody>(),
        },
        polled_by: (!polls).then_some("v2Session"),
        body: name_of(route.asks).map(|name| (name.to_owned(), example(route.asks))),
        refusals: STATUSES
            .iter()
            .filter(|(status, _)| answers_with(route.asks, *status))
            .map(|(status, _)| (*status, format!("{PREFIX}-{status}")))
            .collect(),
    }
}

/// As in version 3; who has no account of the level is told so by a status of its own.
fn answers_with(asks: Asks, status: u16) -> bool {
    !matches!(status, 401 | 403 | 471 | 472) || asks != Asks::Poll
}

/// All refusals, by the names of their responses.
pub(super) fn refusals(generator: &mut SchemaGenerator) -> Vec<(String, Value)> {
    let schema = generator.subschema_for::<RefusalBody>().to_value();
    STATUSES
        .iter()
        .map(|(status, title)| {
            let response = json!({
                "description": title,
                "content": {"application/json": {"schema": schema}},
            });
            (format!("{PREFIX}-{status}"), response)
        })
        .collect()
}

/// The schemas of requests, by name.
pub(super) fn schemas() -> Vec<(String, Value)> {
    let each = all().into_iter().filter_map(|route| {
        let name = name_of(route.asks)?;
        Some((name.to_owned(), schema(route.asks)))
    });
    each.collect()
}

fn name_of(asks: Asks) -> Option<&'static str> {
    match asks {
        Asks::Session(SessionKind::Authentication) => Some("V2AuthenticationRequest"),
        Asks::Session(SessionKind::Signature) => Some("V2SignatureRequest"),
        Asks::Choice => Some("V2CertificateChoice"),
        Asks::Poll => None,
    }
}

/// The schema of a body.
pub(super) fn schema(asks: Asks) -> Value {
    object(fields(asks))
}

/// A body that is accepted, as Smart-ID's demo environment knows it.
pub(super) fn example(asks: Asks) -> Value {
    let mut body = asker();
    if matches!(asks, Asks::Session(_)) {
        body["hash"] = json!("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        body["hashType"] = json!("SHA256");
        body["allowedInteractionsOrder"] =
            json!([{"type": "confirmationMessage", "displayText200": "Log in?"}]);
    }
    body
}

fn fields(asks: Asks) -> Vec<Field> {
    let levels: &[&str] = match asks {
        Asks::Session(SessionKind::Authentication) => &["ADVANCED", "QUALIFIED"],
        Asks::Session(SessionKind::Signature) | Asks::Choice | Asks::Poll => {
            &["ADVANCED", "QUALIFIED", "QSCD"]
        }
    };
    let mut fields = vec![
        required(
            "relyingPartyUUID",
            json!({"type": "string", "format": "uuid"}),
        ),
        required(
            "relyingPartyName",
            json!({"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}),
        ),
        level(levels),
    ];
    fields.extend(session_fields());
    fields.push(nonce());
    if matches!(asks, Asks::Session(_)) {
        fields.extend([
            required(
                "hash",
                json!({"type": "string", "minLength": 44, "maxLength": 88,
                       "pattern": "^[a-zA-Z0-9+/]+={0,2}$"}),
            ),
            required(
                "hashType",
                json!({"type": "string", "enum": ["SHA256", "SHA384", "SHA512"]}),
            ),
            required("allowedInteractionsOrder", interactions()),
        ]);
    }
    fields
}

/// What the person sees, the one that is liked best first; each has a text of its own.
fn interactions() -> Value {
    let of_type = |kind: &str, field: &str, longest: u16| {
        let text = json!({"type": "string", "minLength": 1, "maxLength": longest});
        json!({"type": "object", "required": ["type", field],
               "properties": {"type": {"type": "string", "const": kind}, field: text}})
    };
    json!({"type": "array", "minItems": 1, "items": {"oneOf": [
        of_type("displayTextAndPIN", "displayText60", 60),
        of_type("verificationCodeChoice", "displayText60", 60),
        of_type("confirmationMessage", "displayText200", 200),
        of_type("confirmationMessageAndVerificationCodeChoice", "displayText200", 200),
    ]}})
}
