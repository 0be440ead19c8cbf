//! `/health`: whether the store and the HSM answer.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::keys::ServiceKeys;
use crate::metrics;
use crate::random;
use crate::store::Store;

/// For how long a report stands: asking often must not load the HSM.
const STANDS_FOR: Duration = Duration::from_secs(2);

/// After which a part counts as out of order.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is asked, and what was answered last.
pub(super) struct Health {
    store: Store,
    keys: ServiceKeys,
    last: Mutex<Option<(Instant, Findings)>>,
}

#[derive(Clone, Copy, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    store: bool,
    hsm: bool,
    /// `working` or `recovering`.
    hsm_state: &'static str,
}

impl Health {
    pub(super) fn new(store: Store, keys: ServiceKeys) -> Self {
        Self {
            store,
            keys,
            last: Mutex::new(None),
        }
    }

    async fn findings(&self) -> Findings {
        let mut last = self.last.lock().await;
        if let Some((at, findings)) = *last
            && at.elapsed() < STANDS_FOR
        {
            return findings;
        }
        let (store, hsm) = tokio::join!(
            timeout(DEADLINE, self.store.check()),
            timeout(DEADLINE, self.sign_something()),
        );
        let findings = Findings {
            store: matches!(store, Ok(Ok(()))),
            hsm: matches!(hsm, Ok(true)),
            // Why it is so stands in the log: relying parties need not know the token.
            hsm_state: metrics::state_name(&self.keys.token_state()),
        };
        *last = Some((Instant::now(), findings));
        findings
    }

    /// A signature of the TLS server's key over random octets means nothing to anybody.
    async fn sign_something(&self) -> bool {
        let keys = self.keys.clone();
        tokio::task::spawn_blocking(move || keys.sign_tls_handshake(&random::octets()).is_ok())
            .await
            .unwrap_or(false)
    }
}

/// 200 if all is well, 503 otherwise.
pub(super) async fn report(health: &Health) -> Response {
    let findings = health.findings().await;
    let status = match findings.store && findings.hsm {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(findings)).into_response()
}
