//! Who is at which browser.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};

use super::EService;
use super::flow::Flow;
use crate::random;
use crate::verify::Proven;

/// After so long without a word a browser is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// How many are remembered at most.
const MOST: usize = 10_000;

/// What is known of one browser.
#[derive(Default)]
pub(super) struct Seen {
    /// Who logged in.
    pub(super) person: Option<Proven>,
    /// What is under way.
    pub(super) flow: Option<Flow>,
    /// What was signed last.
    pub(super) signed: Option<Signed>,
    /// What went wrong last, for the next page.
    pub(super) complaint: Option<String>,
}

/// Something that was signed.
pub(super) struct Signed {
    /// The file's name.
    pub(super) name: String,
    /// What to give out.
    pub(super) work: SignedWork,
    /// The certificate, DER.
    pub(super) certificate: Vec<u8>,
}

/// What came of it.
pub(super) enum SignedWork {
    /// A signature apart from the file, and how `openssl dgst` is told to verify it.
    Detached {
        /// The octets.
        signature: Vec<u8>,
        /// Options of openssl.
        openssl: String,
    },
    /// A PDF that holds its signature.
    Pdf(Vec<u8>),
}

type Table = HashMap<String, (Instant, Arc<Mutex<Seen>>)>;

/// All browsers.
pub(super) struct Browsers {
    table: Mutex<Table>,
    secure: bool,
}

impl Browsers {
    pub(super) fn new(secure: bool) -> Self {
        Self {
            table: Mutex::default(),
            secure,
        }
    }

    /// A browser could be talked into a cookie by a neighbour of ours, but not into one of this name.
    fn cookie(&self) -> &'static str {
        if self.secure {
            "__Host-browser"
        } else {
            "browser"
        }
    }

    /// The browser with this cookie, if we gave it.
    fn find(&self, headers: &HeaderMap) -> Option<Arc<Mutex<Seen>>> {
        let cookies = headers.get_all(header::COOKIE).iter();
        let mut pairs = cookies
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split("; "))
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.cookie())?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let (heard, seen) = table.get_mut(value)?;
        *heard = Instant::now();
        Some(Arc::clone(seen))
    }

    /// Somebody new, and the cookie for them; `None` if there are too many.
    fn admit(&self) -> Option<(Arc<Mutex<Seen>>, String)> {
        let token = random::token().ok()?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST {
            table.retain(|_, (heard, _)| heard.elapsed() < FORGOTTEN);
        }
        if table.len() >= MOST {
            return None;
        }
        let seen = Arc::new(Mutex::new(Seen::default()));
        table.insert(token.clone(), (Instant::now(), Arc::clone(&seen)));
        let secure = if self.secure { "; Secure" } else { "" };
        // Lax: the callback comes from elsewhere, as a navigation, and has to bring it.
        let cookie = format!(
            "{}={token}; Path=/; HttpOnly; SameSite=Lax{secure}",
            self.cookie()
        );
        Some((seen, cookie))
    }
}

/// The browser that asks.
#[derive(Clone)]
pub(super) struct Browser(Arc<Mutex<Seen>>);

impl Browser {
    /// Looks at it and changes it; for a moment, nothing is awaited.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FromRequestParts<Arc<EService>> for Browser {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        e_service: &Arc<EService>,
    ) -> Result<Self, Response> {
        match e_service.browsers.find(&parts.headers) {
            Some(seen) => Ok(Self(seen)),
            // The front page gives the cookie to whoever comes without.
            None => match e_service.browsers.admit() {
                Some((_, cookie)) => {
                    let again = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".into())];
                    Err((StatusCode::SEE_OTHER, again).into_response())
                }
                None => Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            },
        }
    }
}
