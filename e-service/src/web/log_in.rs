//! Logging in.

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use http::{StatusCode, header};
use serde::Deserialize;

use super::Shared;
use super::browser::Browser;
use super::flow::{Kind, refused};
use crate::link::{Bound, LinkSession};
use crate::random;
use crate::verify::{AuthenticationRequest, Callback};

#[derive(Deserialize)]
pub(super) struct Person {
    country: String,
    code: String,
}

impl Person {
    /// Their semantics identifier; `None` if it could be a path of its own.
    fn identifier(&self) -> Option<String> {
        let code = self.code.trim();
        let fits = self.country.len() == 2
            && self
                .country
                .bytes()
                .all(|letter| letter.is_ascii_uppercase())
            && (1..=30).contains(&code.len())
            && code
                .bytes()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
        fits.then(|| format!("PNO{}-{code}", self.country))
    }
}

/// Asks a person's devices.
pub(super) async fn by_notification(
    State(e_service): Shared,
    browser: Browser,
    Form(person): Form<Person>,
) -> Redirect {
    let Some(person) = person.identifier() else {
        return complain(&browser, "This is no personal code.".into());
    };
    let text = format!("Log in to {}?", e_service.name());
    match e_service.api.log_in(&person, &text).await {
        Ok(login) => {
            let code = login.request.verification_code().unwrap_or_default();
            let kind = Kind::Notification {
                request: login.request,
                code,
            };
            e_service.begin(&browser, login.session, kind);
            Redirect::to("/")
        }
        Err(error) => complain(&browser, refused(&error)),
    }
}

/// Begins a login by whoever opens the link that is then shown.
pub(super) async fn by_link(State(e_service): Shared, browser: Browser) -> Redirect {
    let begun = async {
        let value = random::token()?;
        // The service leads nobody back without TLS.
        let callback = e_service
            .public_url
            .starts_with("https://")
            .then(|| format!("{}/callback?value={value}", e_service.public_url));
        let text = format!("Log in to {}?", e_service.name());
        let (login, link) = e_service.api.log_in_by_link(&text, callback).await?;
        Ok((login, link, value))
    };
    match begun.await {
        Ok((login, link, value)) => {
            let kind = Kind::Link {
                request: login.request,
                link,
                value,
                callback: None,
            };
            e_service.begin(&browser, login.session, kind);
            Redirect::to("/")
        }
        Err(error) => complain(&browser, refused(&error)),
    }
}

/// What the browser comes back with; other parameters are none of ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CameBack {
    value: Option<String>,
    session_secret_digest: Option<String>,
    user_challenge_verifier: Option<String>,
}

/// Takes a browser in again that was led away, if it is the one that was.
pub(super) async fn callback(
    State(e_service): Shared,
    browser: Browser,
    Query(came_back): Query<CameBack>,
) -> Redirect {
    browser.with(|seen| {
        let link = match seen.flow.as_mut().map(|flow| &mut flow.kind) {
            Some(Kind::Link {
                link,
                value,
                callback: callback @ None,
                ..
            }) if came_back.value.as_ref() == Some(value) => (link, callback),
            _ => {
                let told = "This browser did not begin that login, or it is over.";
                seen.complaint = Some(told.into());
                return;
            }
        };
        let found = Callback {
            session_secret_digest: came_back.session_secret_digest,
            user_challenge_verifier: came_back.user_challenge_verifier,
        };
        match found.check_session(&link.0.secret) {
            Ok(()) => {
                *link.1 = Some(found);
                e_service.settle(seen);
            }
            Err(rejected) => {
                tracing::info!(%rejected, "a browser came back in vain");
                seen.complaint = Some("The way back was not the right one.".into());
            }
        }
    });
    Redirect::to("/")
}

/// The picture, as it is this second.
pub(super) async fn qr(State(e_service): Shared, browser: Browser) -> Response {
    let content = browser.with(|seen| match seen.flow.as_ref().map(|flow| &flow.kind) {
        Some(Kind::Link { request, link, .. }) => {
            link.qr(&bound(&e_service.verifier.scheme_name, request))
        }
        _ => None,
    });
    let picture = content.and_then(|content| QRBuilder::new(content).build().ok());
    match picture {
        Some(picture) => {
            let svg = SvgBuilder::default().to_str(&picture);
            ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response()
        }
        None => StatusCode::GONE.into_response(),
    }
}

/// The link for this machine.
pub(super) fn web_to_app(
    scheme_name: &str,
    request: &AuthenticationRequest,
    link: &LinkSession,
) -> Option<String> {
    link.web_to_app(&bound(scheme_name, request))
}

fn bound<'a>(scheme_name: &'a str, request: &'a AuthenticationRequest) -> Bound<'a> {
    Bound {
        scheme_name,
        signature_protocol: "ACSP_V2",
        challenge: &request.rp_challenge,
        relying_party_name: &request.relying_party_name,
        interactions: &request.interactions,
        initial_callback_url: request.initial_callback_url.as_deref(),
    }
}

pub(super) fn complain(browser: &Browser, why: String) -> Redirect {
    browser.with(|seen| seen.complaint = Some(why));
    Redirect::to("/")
}
