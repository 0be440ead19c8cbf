//! The API as an OpenAPI 3.1 document, made from what serves it: paths from the table of routes,
//! answers from the types that are sent, requests ([`requests`]) from the names and bounds that the
//! parser has, held to it by tests.

mod requests;
#[cfg(test)]
mod tests;
mod version_2;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::{self, ProblemBody};
use super::routes::{self, Asks, Names, Route};

/// Where the document is, on the relying parties' listener.
const PATH: &str = "/openapi.json";

/// Serves a document.
pub fn router(document: Arc<Value>) -> Router {
    Router::new().route(PATH, get(async move || Json(document)))
}

/// The document of an API whose version 3 begins at `prefix`, and whose version 2 at another one if
/// it is served.
pub fn document(prefix: &str, prefix_v2: Option<&str>) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for route in routes::all() {
        operation_of(&route, &mut generator).tell(prefix, &mut paths);
    }
    let problem = generator.subschema_for::<ProblemBody<'static>>();
    let mut responses = refusals(&problem.to_value());
    let mut bodies = requests::schemas();
    if let Some(prefix) = prefix_v2 {
        for operation in version_2::operations(&mut generator) {
            operation.tell(prefix, &mut paths);
        }
        responses.extend(version_2::refusals(&mut generator));
        bodies.extend(version_2::schemas());
    }
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(without_null);
    schemas.extend(bodies);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Symbolon: the relying-party API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Smart-ID clients speak. A relying party is known by its UUID, its \
                name and the network that it calls from; there are no credentials.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "responses": responses},
    })
}

/// What is told of one route, of whichever version.
struct Operation {
    /// Below the version's prefix.
    path: &'static str,
    method: &'static str,
    id: String,
    summary: &'static str,
    names: Names,
    polls: bool,
    answer: Schema,
    /// The operation that tells how a session stands, where one is opened.
    polled_by: Option<&'static str>,
    /// The name of the body's schema, and an example.
    body: Option<(String, Value)>,
    /// Statuses, and the names of their responses.
    refusals: Vec<(u16, String)>,
}

impl Operation {
    fn tell(self, prefix: &str, paths: &mut Map<String, Value>) {
        let path = match prefix.trim_matches('/') {
            "" => self.path.to_owned(),
            prefix => format!("/{prefix}{}", self.path),
        };
        let method = self.method;
        paths.insert(path, json!({method: self.told()}));
    }

    fn told(self) -> Value {
        let mut responses = Map::new();
        let mut done = json!({
            "description": "Done.",
            "content": {"application/json": {"schema": self.answer}},
        });
        if let Some(poll) = self.polled_by {
            done["links"] = json!({"poll": {
                "operationId": poll,
                "parameters": {"path.id": "$response.body#/sessionID"},
            }});
        }
        responses.insert("200".into(), done);
        for (status, name) in self.refusals {
            let reference = format!("#/components/responses/{name}");
            responses.insert(status.to_string(), json!({"$ref": reference}));
        }
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": parameters(self.names, self.polls),
            "responses": responses,
        });
        if let Some((name, example)) = self.body {
            let schema = format!("#/components/schemas/{name}");
            operation["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {
                    "schema": {"$ref": schema},
                    "example": example,
                }},
            });
        }
        operation
    }
}

fn operation_of(route: &Route, generator: &mut SchemaGenerator) -> Operation {
    let polls = route.asks == Asks::Poll;
    Operation {
        path: route.path,
        method: if polls { "get" } else { "post" },
        id: operation_id(route.path),
        summary: route.summary,
        names: route.names,
        polls,
        answer: (route.answer)(generator),
        polled_by: matches!(route.asks, Asks::Session(..)).then_some("session"),
        body: requests::name_of(route.asks).map(|name| (name, requests::example(route.asks))),
        refusals: problem::statuses()
            .filter(|(status, _)| answers_with(route.asks, *status))
            .map(|(status, _)| (status, status.to_string()))
            .collect(),
    }
}

/// A poll says nothing of who is asking, so nothing of it can be forbidden; what is kept from
/// strangers is not found. 405 is no operation's.
fn answers_with(asks: Asks, status: u16) -> bool {
    match status {
        401 | 403 => asks != Asks::Poll,
        405 => false,
        _ => true,
    }
}

fn operation_id(path: &str) -> String {
    path.split(['/', '-'])
        .filter(|part| !part.is_empty() && !part.starts_with('{'))
        .enumerate()
        .map(|(index, part)| match index {
            0 => part.to_owned(),
            _ => part[..1].to_uppercase() + &part[1..],
        })
        .collect()
}

fn parameters(names: Names, polls: bool) -> Value {
    let named = |name: &str, description: &str, schema: Value| {
        json!({"name": name, "in": "path", "required": true,
               "description": description, "schema": schema})
    };
    let in_path = |description: &str, schema: Value| named("id", description, schema);
    let text = |example: &str| json!({"type": "string", "examples": [example]});
    let mut parameters = match names {
        Names::Nobody => Vec::new(),
        Names::Person => vec![in_path(
            "The person (ETSI EN 319 412-1).",
            text("PNOEE-40504040001"),
        )],
        Names::Document => vec![in_path(
            "The document number of an account.",
            text("PNOEE-40504040001-DEM0-Q"),
        )],
        Names::Customer => vec![
            named("issuer", "The company.", text("example")),
            in_path("The customer, by the company's own number.", text("4711")),
        ],
        Names::Session => vec![in_path(
            "The session.",
            text("fa20fd1e-e320-4c68-8315-f6a507a0b4a9"),
        )],
    };
    if polls {
        parameters.push(json!({
            "name": "timeoutMs", "in": "query",
            "description": "How long to wait for the session's end, in milliseconds; what is beyond \
                1000 and 120000 means the nearer of them.",
            "schema": {"type": "integer", "default": super::poll_time::DEFAULT_MS},
        }));
    }
    Value::Array(parameters)
}

fn refusals(problem: &Value) -> Map<String, Value> {
    problem::statuses()
        .map(|(status, title)| {
            let response = json!({
                "description": title,
                "content": {"application/problem+json": {"schema": problem}},
            });
            (status.to_string(), response)
        })
        .collect()
}

/// What is absent is left out of answers, never null.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(any)) = object.get_mut("anyOf") {
                any.retain(|schema| schema["type"] != "null");
                if let [Value::Object(only)] = any.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(values) => values.iter_mut().for_each(without_null),
        _ => {}
    }
}
