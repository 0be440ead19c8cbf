//! Holds the document to what is served and to what the parser accepts.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use symbolon_protocol::interaction::Flow;

use super::super::problem::Problem;
use super::super::request::{CertificateRequest, ChoiceRequest, LinkedRequest, OpeningRequest};
use super::super::routes::{Asks, all};
use super::super::v2;
use super::{document, requests, version_2};

/// A body of either version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    V3(Asks),
    V2(v2::routes::Asks),
}

impl Body {
    fn schema(self) -> Value {
        match self {
            Self::V3(asks) => requests::schema(asks),
            Self::V2(asks) => version_2::schema(asks),
        }
    }

    fn example(self) -> Value {
        match self {
            Self::V3(asks) => requests::example(asks),
            Self::V2(asks) => version_2::example(asks),
        }
    }

    fn parse(self, body: &Value) -> Result<(), Problem> {
        use v2::routes::Asks as Old;
        let body = body.as_object().unwrap();
        match self {
            Self::V3(Asks::Session(_, Flow::Linked)) => LinkedRequest::parse(body).map(drop),
            Self::V3(Asks::Choice(flow)) => ChoiceRequest::parse(flow, body).map(drop),
            Self::V3(Asks::Session(kind, flow)) => {
                OpeningRequest::parse(kind, flow, body).map(drop)
            }
            Self::V3(Asks::Certificate) => CertificateRequest::parse(body).map(drop),
            Self::V2(Old::Session(kind)) => v2::request::parse(kind, body).map(drop),
            Self::V2(Old::Choice) => v2::request::parse_choice(body).map(drop),
            Self::V3(Asks::Poll) | Self::V2(Old::Poll) => unreachable!("a poll has no body"),
        }
    }

    /// Where the parser finds faults.
    fn faults(self, body: &Value) -> BTreeSet<String> {
        match self.parse(body) {
            Ok(()) => BTreeSet::new(),
            Err(problem) => {
                let errors = problem.errors().iter();
                errors.filter_map(|error| error.pointer.clone()).collect()
            }
        }
    }
}

fn bodies() -> Vec<Body> {
    let new = all().into_iter().map(|route| Body::V3(route.asks));
    let old = v2::routes::all().into_iter();
    let old = old.map(|route| Body::V2(route.asks));
    let polls = [Body::V3(Asks::Poll), Body::V2(v2::routes::Asks::Poll)];
    new.chain(old)
        .filter(|body| !polls.contains(body))
        .collect()
}

/// Every field of a schema, as (pointer, schema, required).
fn fields_of(schema: &Value, pointer: &str) -> Vec<(String, Value, bool)> {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let mut fields = Vec::new();
    for (name, field) in properties {
        let pointer = format!("{pointer}/{name}");
        let required = schema["required"]
            .as_array()
            .is_some_and(|names| names.contains(&json!(name)));
        fields.extend(fields_of(field, &pointer));
        fields.push((pointer, field.clone(), required));
    }
    fields
}

/// The body with another value at a pointer, or none; objects on the way are made.
fn with(body: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut changed = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if !parent.is_empty() && changed.pointer(parent).is_none() {
        changed = with(&changed, parent, Some(json!({})));
    }
    let object = changed
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => object.insert(name.into(), value),
        None => object.remove(name),
    };
    changed
}

#[test]
fn every_example_is_accepted() {
    for body in bodies() {
        assert_eq!(body.parse(&body.example()), Ok(()), "{body:?}");
    }
}

#[test]
fn the_parser_reads_every_field_of_the_document_and_needs_those_that_are_required() {
    for body in bodies() {
        let example = body.example();
        for (pointer, _, required) in fields_of(&body.schema(), "") {
            let nonsense = with(&example, &pointer, Some(json!([[]])));
            let found = body.faults(&nonsense);
            assert!(
                found.contains(&pointer),
                "{body:?} reads no {pointer}: {found:?}"
            );
            // The algorithm's parameters are needed for the one algorithm of the example.
            let conditional = pointer.ends_with("/signatureAlgorithmParameters");
            let found = body.faults(&with(&example, &pointer, None));
            assert_eq!(
                found.contains(&pointer),
                required || conditional,
                "{body:?} {pointer}"
            );
        }
    }
}

#[test]
fn the_parser_needs_no_field_that_the_document_does_not_require() {
    for body in bodies() {
        let schema = body.schema();
        let told: BTreeSet<String> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| format!("/{}", name.as_str().unwrap()))
            .collect();
        assert_eq!(body.faults(&json!({})), told, "{body:?}");
    }
}

#[test]
fn every_value_and_bound_is_the_parsers() {
    for body in bodies() {
        let example = body.example();
        let accepts = |pointer: &str, value: &Value| {
            let changed = with(&example, pointer, Some(value.clone()));
            !body.faults(&changed).contains(pointer)
        };
        for (pointer, field, required) in fields_of(&body.schema(), "") {
            let conditional = pointer.ends_with("/signatureAlgorithmParameters");
            assert_eq!(
                accepts(&pointer, &Value::Null),
                !required && !conditional,
                "{pointer}"
            );
            let values = field["enum"].as_array().cloned().unwrap_or_default();
            for value in values.iter().chain(field.get("const")) {
                assert!(accepts(&pointer, value), "{body:?} {pointer} {value}");
                if let Some(value) = value.as_str() {
                    let other = json!(format!("{value}x"));
                    assert!(!accepts(&pointer, &other), "{body:?} {pointer} {other}");
                }
            }
            if let Some(longest) = field["maxLength"].as_u64() {
                let longest = usize::try_from(longest).unwrap();
                let too_long = format!("https://{}", "x".repeat(longest - 7));
                assert!(!accepts(&pointer, &json!(too_long)), "{body:?} {pointer}");
                if field["pattern"]
                    .as_str()
                    .is_some_and(|p| p.starts_with("^https"))
                {
                    assert!(accepts(&pointer, &json!(too_long[..longest])), "{pointer}");
                }
                if pointer == "/nonce" {
                    assert!(accepts(&pointer, &json!("x".repeat(longest))), "{pointer}");
                }
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let document = document("/v3", Some("/v2"));
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let version = ["/v3/", "/v2/"].iter().find(|it| path.starts_with(**it));
            assert!(version.is_some(), "{path}");
            assert!(names.insert(operation["operationId"].to_string()), "{path}");
        }
    }
    assert_eq!(names.len(), all().len() + v2::routes::all().len());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    // A request's optional field may be null; an answer's is left out instead.
    let requests: BTreeSet<_> = all()
        .iter()
        .filter_map(|route| requests::name_of(route.asks))
        .chain(version_2::schemas().into_iter().map(|(name, _)| name))
        .collect();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let nulls = schema.to_string().contains("\"null\"");
        assert!(!nulls || requests.contains(name.as_str()), "{name}");
    }
}
