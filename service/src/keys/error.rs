//! Why the service's keys cannot be used.

use symbolon_hsm::{HsmError, MissingMechanism};

/// Why the service's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The token, its module or its PIN.
    #[error(transparent)]
    Token(#[from] HsmError),
    /// The token lacks a key of the service.
    #[error("the token has no key `{0}`; `symbolon-service init` makes the keys")]
    NotInitialised(String),
    /// The token cannot do what the service needs.
    #[error("the token cannot do {}", list(.0))]
    TokenUnfit(Vec<MissingMechanism>),
}

fn list(missing: &[MissingMechanism]) -> String {
    let parts: Vec<_> = missing
        .iter()
        .map(|mechanism| format!("{} ({})", mechanism.name, mechanism.needed_for))
        .collect();
    parts.join(", ")
}
