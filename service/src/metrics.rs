//! What the running service counts and measures, for Prometheus. Nothing here names a person, an
//! account or a relying party.
//!
//! Counters are the process's own, as Prometheus expects of each instance: they begin at zero, and
//! count only what was committed.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use symbolon_protocol::device::transaction::Content;
use symbolon_protocol::identifiers::KeyPurpose;

use crate::enrolment::pool_size;
use crate::keys::{HsmState, ProcessEnds};
use crate::service::Service;
use crate::sessions::{EndResult, SessionRequest};
use crate::store::when_committed;

/// From the millisecond that SoftHSM2 takes to the seconds of a busy HSM across a network.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

static MEASURED: LazyLock<Measured> = LazyLock::new(Measured::default);

/// What is counted where it happens.
struct Measured {
    begun: Family<Begun, Counter>,
    ended: Family<Ended, Counter>,
    audited: Family<Audited, Counter>,
    token_seconds: Family<TokenCall, Histogram>,
    token_failures: Family<TokenCall, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Begun {
    kind: &'static str,
    flow: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    flow: &'static str,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Audited {
    action: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenCall {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProcessEnd {
    reason: &'static str,
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            begun: Family::default(),
            ended: Family::default(),
            audited: Family::default(),
            token_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            token_failures: Family::default(),
        }
    }
}

/// Counts a session that begins with the write that this is called from.
pub(crate) fn session_begins(request: &SessionRequest) {
    let begun = Begun {
        kind: kind_of(&request.content),
        flow: request.flow_type.as_str(),
    };
    when_committed(move || {
        MEASURED.begun.get_or_create(&begun).inc();
    });
}

/// Counts a session that ends with the write that this is called from.
pub(crate) fn session_ends(request: &SessionRequest, result: EndResult) {
    let ended = Ended {
        kind: kind_of(&request.content),
        flow: request.flow_type.as_str(),
        result: result.to_string(),
    };
    when_committed(move || {
        MEASURED.ended.get_or_create(&ended).inc();
    });
}

/// Counts a committed row of the audit trail: signatures, refusals, locks, releases and the rest.
pub(crate) fn audited(action: &str) {
    let action = action.to_owned();
    MEASURED.audited.get_or_create(&Audited { action }).inc();
}

/// Measures a call of the token, waiting for its turn included.
pub(crate) async fn token_call<T, E>(
    operation: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let result = call.await;
    token_called(operation, begun.elapsed(), result.is_ok());
    result
}

/// Notes a call of the token that was measured elsewhere.
pub(crate) fn token_called(operation: &'static str, took: Duration, succeeded: bool) {
    let call = TokenCall { operation };
    let seconds = MEASURED.token_seconds.get_or_create(&call);
    seconds.observe(took.as_secs_f64());
    if !succeeded {
        MEASURED.token_failures.get_or_create(&call).inc();
    }
}

/// Everything, in Prometheus' text format.
pub(crate) async fn report(service: &Service) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("symbolon");
    register_measured(&mut registry);
    register_present(&mut registry, service).await;
    let mut report = String::new();
    text::encode(&mut report, &registry)?;
    Ok(report)
}

fn register_measured(registry: &mut Registry) {
    let measured = &*MEASURED;
    registry.register(
        "sessions_begun",
        "Sessions that relying parties began, by kind and flow",
        measured.begun.clone(),
    );
    registry.register(
        "sessions_ended",
        "Sessions that ended, by kind, flow and the result that the relying party reads",
        measured.ended.clone(),
    );
    registry.register(
        "audit_rows",
        "Committed rows of the audit trail, by action (signed, refused, locked, released, ...)",
        measured.audited.clone(),
    );
    registry.register(
        "token_call_seconds",
        "How long calls of the PKCS#11 token took, waiting for their turn included",
        measured.token_seconds.clone(),
    );
    registry.register(
        "token_failures",
        "Calls of the PKCS#11 token that failed or were given up",
        measured.token_failures.clone(),
    );
}

/// What is looked at when somebody asks.
async fn register_present(registry: &mut Registry, service: &Service) {
    let states = Family::<TokenState, Gauge>::default();
    let present = state_name(&service.keys.token_state());
    for state in ["working", "recovering"] {
        let holds = i64::from(state == present);
        states.get_or_create(&TokenState { state }).set(holds);
    }
    registry.register(
        "token_state",
        "1 for the state that the PKCS#11 token is in, as in /health",
        states,
    );
    register_process_ends(registry, service.keys.process_ends());
    let devices = Gauge::<i64>::default();
    let connected = service.sessions.hints().devices_waiting();
    devices.set(i64::try_from(connected).unwrap_or(i64::MAX));
    registry.register(
        "devices_connected",
        "Accounts whose device waits for events at this instance",
        devices,
    );
    // Left out where the store cannot tell: none is no number.
    if let Ok(size) = pool_size(&service.store).await {
        let shares = Gauge::<i64>::default();
        shares.set(size);
        registry.register("shares_ahead", "Key shares made ahead of need", shares);
    }
}

fn register_process_ends(registry: &mut Registry, ends: ProcessEnds) {
    let counted = Family::<ProcessEnd, Counter>::default();
    for (reason, times) in [("hung", ends.hung), ("died", ends.died)] {
        counted.get_or_create(&ProcessEnd { reason }).inc_by(times);
    }
    registry.register(
        "token_process_ends",
        "How often the process of the PKCS#11 module was replaced: a call hung, or it died",
        counted,
    );
}

/// As `/health` tells it.
pub(crate) fn state_name(state: &HsmState) -> &'static str {
    match state {
        HsmState::Working => "working",
        HsmState::Recovering { .. } => "recovering",
    }
}

fn kind_of(content: &Content) -> &'static str {
    match content {
        Content::Authentication { .. } => "authentication",
        Content::Signature { .. } => "signature",
        Content::BareDigest { purpose, .. } => match purpose {
            KeyPurpose::Authentication => "authentication",
            KeyPurpose::Signing => "signature",
        },
        Content::CertificateChoice {} => "certificateChoice",
    }
}
