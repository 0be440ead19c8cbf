//! Why a request to the service brought no reply.

use symbolon_protocol::device::problem::{Problem, ProblemCode};

/// Why a request to the service brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No answer came. Whether the service acted on the request is unknown.
    #[error("the service cannot be reached: {0}")]
    Unreachable(String),
    /// What answers there could not prove that it is the service.
    #[error(
        "what answers at the service's address is not vouched for by the configured authorities: {0}"
    )]
    NotTrusted(String),
    /// The service answered that it will not.
    #[error("the service refused: {}", .0.detail)]
    Refused(Problem),
    /// The service's answer is not what the protocol says.
    #[error("the service answered what it should not: {0}")]
    Misbehaved(String),
}

impl LinkError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same request may fare better later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::NotTrusted(_) => true,
            Self::Refused(problem) => matches!(
                problem.code,
                ProblemCode::Unavailable | ProblemCode::TooManyRequests
            ),
            Self::Misbehaved(_) => false,
        }
    }
}
