//! The routes of version 2, each with what the OpenAPI document says of it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::super::RelyingPartyApi;
use super::super::path::{Document, Person};
use super::super::request::SessionKind;
use super::super::routes::Names;
use super::{certificate_choice, open, session_status};

/// One route.
pub(in super::super) struct Route {
    /// Below the prefix; what varies in it is called `id`, and `issuer`.
    pub(in super::super) path: &'static str,
    handler: MethodRouter<RelyingPartyApi>,
    /// One sentence.
    pub(in super::super) summary: &'static str,
    /// Whom or what the path names.
    pub(in super::super) names: Names,
    /// What is sent.
    pub(in super::super) asks: Asks,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Asks {
    /// A body that asks for a login or a signature.
    Session(SessionKind),
    /// A body that asks a person for their certificate.
    Choice,
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
pub(in super::super) fn all() -> Vec<Route> {
    use Names::{Customer, Document as Account, Person as Somebody, Session};
    let login = Asks::Session(SessionKind::Authentication);
    let signature = Asks::Session(SessionKind::Signature);
    let row = |path, handler, summary, names, asks| Route {
        path,
        handler,
        summary,
        names,
        asks,
    };
    vec![
        row(
            "/authentication/etsi/{id}",
            post(open::authenticate::<Person>),
            "Ask a person to log in, on all their devices.",
            Somebody,
            login,
        ),
        row(
            "/authentication/document/{id}",
            post(open::authenticate::<Document>),
            "Ask the person to log in, on the device of one account.",
            Account,
            login,
        ),
        row(
            "/authentication/private/{issuer}/{id}",
            post(open::authenticate_customer),
            "Ask a company's customer to log in. Nobody is enrolled as one here.",
            Customer,
            login,
        ),
        row(
            "/signature/etsi/{id}",
            post(open::sign::<Person>),
            "Ask a person to sign, on all their devices.",
            Somebody,
            signature,
        ),
        row(
            "/signature/document/{id}",
            post(open::sign::<Document>),
            "Ask the person to sign, on the device of one account.",
            Account,
            signature,
        ),
        row(
            "/signature/private/{issuer}/{id}",
            post(open::sign_customer),
            "Ask a company's customer to sign. Nobody is enrolled as one here.",
            Customer,
            signature,
        ),
        row(
            "/certificatechoice/etsi/{id}",
            post(certificate_choice::of_target::<Person>),
            "Learn a person's signing certificate, if they agree on one of their devices.",
            Somebody,
            Asks::Choice,
        ),
        row(
            "/certificatechoice/document/{id}",
            post(certificate_choice::of_target::<Document>),
            "Learn an account's signing certificate, if its person agrees on its device.",
            Account,
            Asks::Choice,
        ),
        row(
            "/certificatechoice/private/{issuer}/{id}",
            post(certificate_choice::of_customer),
            "Learn a customer's signing certificate. Nobody is enrolled as one here.",
            Customer,
            Asks::Choice,
        ),
        row(
            "/session/{id}",
            get(session_status),
            "How a session stands; waits for its end.",
            Session,
            Asks::Poll,
        ),
    ]
}
