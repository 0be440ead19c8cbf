//! The pages. What a browser may see is decided by its cookie alone.

mod browser;
mod flow;
mod log_in;
mod page;
mod sign;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::sync::Semaphore;

use crate::api::{Api, Responder};
use crate::verify::Verifier;
use browser::{Browser, Browsers};

/// The largest file that is taken to be signed.
const LARGEST: usize = 16 << 20;

/// How many PDFs are read at a time.
const PREPARED_AT_A_TIME: usize = 2;

/// Nothing is loaded but our own script, style and pictures, nobody frames the pages, and no other
/// site hears an address of ours.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
];

/// Everything that the pages work with.
pub struct EService {
    api: Api,
    verifier: Verifier,
    responder: Option<Responder>,
    public_url: String,
    browsers: Browsers,
    preparing: Semaphore,
}

type Shared = State<Arc<EService>>;

impl EService {
    /// One that browsers reach at `public_url`, which does not end in `/`.
    pub fn new(
        api: Api,
        verifier: Verifier,
        responder: Option<Responder>,
        public_url: String,
    ) -> Self {
        let secure = public_url.starts_with("https://");
        Self {
            api,
            verifier,
            responder,
            public_url,
            browsers: Browsers::new(secure),
            preparing: Semaphore::new(PREPARED_AT_A_TIME),
        }
    }

    fn name(&self) -> &str {
        &self.api.relying_party().name
    }
}

/// All pages.
pub fn router(e_service: Arc<EService>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/log-in/notification", post(log_in::by_notification))
        .route("/log-in/link", post(log_in::by_link))
        .route("/callback", get(log_in::callback))
        .route("/qr.svg", get(log_in::qr))
        .route("/sign/file", post(sign::file))
        .route("/sign/pdf", post(sign::pdf))
        .route("/signed/{what}", get(sign::download))
        .route("/state", get(flow::state))
        .route("/cancel", post(cancel))
        .route("/log-out", post(log_out))
        .route("/app.js", get(script))
        .route("/style.css", get(style))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn(guard))
        .with_state(e_service)
}

/// Refuses what another site made a browser send, and says what browsers may do with the answers.
async fn guard(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site");
    let foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
    let mut answer = if request.method() == Method::POST && foreign {
        StatusCode::FORBIDDEN.into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}

async fn front(State(e_service): Shared, browser: Browser) -> Html<String> {
    let scheme_name = &e_service.verifier.scheme_name;
    Html(browser.with(|seen| page::front(e_service.name(), scheme_name, seen)))
}

async fn cancel(browser: Browser) -> Redirect {
    browser.with(|seen| seen.flow = None);
    Redirect::to("/")
}

async fn log_out(browser: Browser) -> Redirect {
    browser.with(|seen| *seen = browser::Seen::default());
    Redirect::to("/")
}

async fn script() -> impl IntoResponse {
    let content = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (content, include_str!("assets/app.js"))
}

async fn style() -> impl IntoResponse {
    let content = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (content, include_str!("assets/style.css"))
}
