//! The API as an OpenAPI 3.1 document, made from what serves it: paths from the table of routes,
//! answers from the types that are sent, requests ([`requests`]) from the names and bounds that the
//! parser has, held to it by tests.

mod requests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::{self, ProblemBody};
use super::routes::{self, Asks, Names, Route};

/// Where the document is, on the relying parties' listener.
const PATH: &str = "/openapi.json";

/// Serves a document.
pub fn router(document: Arc<Value>) -> Router {
    Router::new().route(PATH, get(async move || Json(document)))
}

/// The document of an API whose version 3 begins at `prefix`.
pub fn document(prefix: &str) -> Value {
    let prefix = prefix.trim_matches('/');
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for route in routes::all() {
        let path = match prefix {
            "" => route.path.to_owned(),
            prefix => format!("/{prefix}{}", route.path),
        };
        let method = match route.asks {
            Asks::Poll => "get",
            Asks::Session(..) | Asks::Certificate | Asks::Choice(_) => "post",
        };
        paths.insert(path, json!({method: operation(&route, &mut generator)}));
    }
    let problem = generator.subschema_for::<ProblemBody<'static>>();
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(without_null);
    schemas.extend(requests::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Symbolon: the relying-party API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Smart-ID clients speak. A relying party is known by its UUID, its \
                name and the network that it calls from; there are no credentials.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "responses": refusals(&problem.to_value())},
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let answer = (route.answer)(generator);
    let mut responses = Map::new();
    let mut done = json!({
        "description": "Done.",
        "content": {"application/json": {"schema": answer}},
    });
    if matches!(route.asks, Asks::Session(..)) {
        done["links"] = json!({"poll": {
            "operationId": "session",
            "parameters": {"path.id": "$response.body#/sessionID"},
        }});
    }
    responses.insert("200".into(), done);
    for (status, _) in problem::statuses() {
        if answers_with(route.asks, status) {
            let reference = format!("#/components/responses/{status}");
            responses.insert(status.to_string(), json!({"$ref": reference}));
        }
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(name) = requests::name_of(route.asks) {
        let schema = format!("#/components/schemas/{name}");
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {
                "schema": {"$ref": schema},
                "example": requests::example(route.asks),
            }},
        });
    }
    operation
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

fn operation_id(route: &Route) -> String {
    route
        .path
        .split(['/', '-'])
        .filter(|part| !part.is_empty() && *part != "{id}")
        .enumerate()
        .map(|(index, part)| match index {
            0 => part.to_owned(),
            _ => part[..1].to_uppercase() + &part[1..],
        })
        .collect()
}

fn parameters(route: &Route) -> Value {
    let in_path = |description: &str, schema: Value| {
        json!({"name": "id", "in": "path", "required": true,
               "description": description, "schema": schema})
    };
    let text = |example: &str| json!({"type": "string", "examples": [example]});
    let mut parameters = match route.names {
        Names::Nobody => Vec::new(),
        Names::Person => vec![in_path(
            "The person (ETSI EN 319 412-1).",
            text("PNOEE-40504040001"),
        )],
        Names::Document => vec![in_path(
            "The document number of an account.",
            text("PNOEE-40504040001-DEM0-Q"),
        )],
        Names::Session => vec![in_path(
            "The session.",
            text("fa20fd1e-e320-4c68-8315-f6a507a0b4a9"),
        )],
    };
    if route.asks == Asks::Poll {
        parameters.push(json!({
            "name": "timeoutMs", "in": "query",
            "description": "How long to wait for the session's end, in milliseconds; what is beyond \
                1000 and 120000 means the nearer of them.",
            "schema": {"type": "integer", "default": super::poll_time::DEFAULT_MS},
        }));
    }
    Value::Array(parameters)
}

fn refusals(problem: &Value) -> Value {
    problem::statuses()
        .map(|(status, title)| {
            let response = json!({
                "description": title,
                "content": {"application/problem+json": {"schema": problem}},
            });
            (status.to_string(), response)
        })
        .collect::<Map<_, _>>()
        .into()
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
