//! The routes of version 3, each with what the OpenAPI document says of it: from this one table
//! comes what is served and what is told about it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use symbolon_protocol::interaction::Flow;

use super::request::SessionKind;
use super::{
    RelyingPartyApi, certificate, certificate_choice, device_link, device_link::LinkBody, linked,
    notification, notification::OpenedBody, path, session, status::StatusBody,
};

/// One route.
pub(super) struct Route {
    /// Below the prefix; what varies in it is called `id`.
    pub(super) path: &'static str,
    handler: MethodRouter<RelyingPartyApi>,
    /// One sentence.
    pub(super) summary: &'static str,
    /// Whom or what the path names.
    pub(super) names: Names,
    /// What is sent.
    pub(super) asks: Asks,
    /// The schema of what is answered.
    pub(super) answer: fn(&mut SchemaGenerator) -> Schema,
}

/// Whom or what a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Nobody: whoever opens the link.
    Nobody,
    /// A person.
    Person,
    /// An account.
    Document,
    /// A company's customer, in version 2 alone.
    Customer,
    /// A session.
    Session,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A body that opens a session.
    Session(SessionKind, Flow),
    /// A body that asks for a certificate.
    Certificate,
    /// A body that opens a session in which a person hands out their certificate.
    Choice(Flow),
    /// A poll, without a body.
    Poll,
}

/// All routes, below the prefix.
pub(super) fn router() -> Router<RelyingPartyApi> {
    all().into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    })
}

/// The table.
pub(super) fn all() -> Vec<Route> {
    use Names::{Document, Nobody, Person};
    use SessionKind::{Authentication, Signature};
    vec![
        opening::<OpenedBody>(
            "/authentication/notification/etsi/{id}",
            post(notification::authenticate::<path::Person>),
            "Ask a person to log in, on all their devices.",
            (Person, Authentication, Flow::Notification),
        ),
        opening::<OpenedBody>(
            "/authentication/notification/document/{id}",
            post(notification::authenticate::<path::Document>),
            "Ask the person to log in, on the device of one account.",
            (Document, Authentication, Flow::Notification),
        ),
        opening::<LinkBody>(
            "/authentication/device-link/anonymous",
            post(device_link::authenticate_anyone),
            "Log in whoever opens the link.",
            (Nobody, Authentication, Flow::DeviceLink),
        ),
        opening::<LinkBody>(
            "/authentication/device-link/etsi/{id}",
            post(device_link::authenticate::<path::Person>),
            "Log in a person who opens the link.",
            (Person, Authentication, Flow::DeviceLink),
        ),
        opening::<LinkBody>(
            "/authentication/device-link/document/{id}",
            post(device_link::authenticate::<path::Document>),
            "Log in the account that opens the link.",
            (Document, Authentication, Flow::DeviceLink),
        ),
        opening::<LinkBody>(
            "/signature/device-link/etsi/{id}",
            post(device_link::sign::<path::Person>),
            "Let a person who opens the link sign.",
            (Person, Signature, Flow::DeviceLink),
        ),
        opening::<LinkBody>(
            "/signature/device-link/document/{id}",
            post(device_link::sign::<path::Document>),
            "Let the account that opens the link sign.",
            (Document, Signature, Flow::DeviceLink),
        ),
        opening::<OpenedBody>(
            "/signature/notification/etsi/{id}",
            post(notification::sign::<path::Person>),
            "Ask a person to sign, on all their devices.",
            (Person, Signature, Flow::Notification),
        ),
        opening::<OpenedBody>(
            "/signature/notification/document/{id}",
            post(notification::sign::<path::Document>),
            "Ask the person to sign, on the device of one account.",
            (Document, Signature, Flow::Notification),
        ),
        opening::<OpenedBody>(
            "/signature/notification/linked/{id}",
            post(linked::sign),
            "Ask for the signature that a certificate choice by device link announced.",
            (Document, Signature, Flow::Linked),
        ),
        Route {
            path: "/signature/certificate-choice/device-link/anonymous",
            handler: post(certificate_choice::choose_by_link),
            summary: "Learn the signing certificate of whoever opens the link and agrees.",
            names: Nobody,
            asks: Asks::Choice(Flow::DeviceLink),
            answer: SchemaGenerator::subschema_for::<LinkBody>,
        },
        Route {
            path: "/signature/certificate-choice/notification/etsi/{id}",
            handler: post(certificate_choice::choose_on_devices),
            summary: "Learn a person's signing certificate, if they agree on one of their devices.",
            names: Person,
            asks: Asks::Choice(Flow::Notification),
            answer: SchemaGenerator::subschema_for::<OpenedBody>,
        },
        Route {
            path: "/signature/certificate/{id}",
            handler: post(certificate::certificate),
            summary: "The signing certificate of an account, without asking anybody.",
            names: Document,
            asks: Asks::Certificate,
            answer: SchemaGenerator::subschema_for::<certificate::AnswerBody>,
        },
        Route {
            path: "/session/{id}",
            handler: get(session::session),
            summary: "How a session stands; waits for its end.",
            names: Names::Session,
            asks: Asks::Poll,
            answer: SchemaGenerator::subschema_for::<StatusBody>,
        },
    ]
}

fn opening<Answer: JsonSchema>(
    path: &'static str,
    handler: MethodRouter<RelyingPartyApi>,
    summary: &'static str,
    (names, kind, flow): (Names, SessionKind, Flow),
) -> Route {
    Route {
        path,
        handler,
        summary,
        names,
        asks: Asks::Session(kind, flow),
        answer: SchemaGenerator::subschema_for::<Answer>,
    }
}
