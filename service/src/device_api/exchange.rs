//! One route for one exchange of the protocol: path, method, request and reply come from its type.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::{Exchange, Method};
use uuid::Uuid;

use super::{Caller, Shared, problem};
use crate::refusal::Refusal;

/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(15);

/// A request that was understood.
pub(super) struct Arrived<E> {
    pub(super) caller: Caller,
    /// The `{id}` of the path; nil where the path has none.
    pub(super) id: Uuid,
    pub(super) message: E,
    /// The message as it came, octet for octet.
    pub(super) body: Bytes,
}

/// Adds the route of an exchange.
pub(super) fn answer<E, H, F>(router: Router<Shared>, handle: H) -> Router<Shared>
where
    E: Exchange + Send + 'static,
    E::Reply: Send,
    H: Fn(Shared, Arrived<E>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<E::Reply, Refusal>> + Send + 'static,
{
    let respond = async move |State(service): State<Shared>, request: Request| -> Response {
        match arrive::<E>(request).await {
            Err(response) => response,
            Ok(arrived) => match handle(service, arrived).await {
                Ok(reply) => axum::Json(reply).into_response(),
                Err(refusal) => problem::respond(&refusal),
            },
        }
    };
    let method: MethodRouter<Shared> = match E::METHOD {
        Method::Get => get(respond),
        Method::Post => post(respond),
    };
    router.route(E::PATH, method)
}

async fn arrive<E: Exchange>(request: Request) -> Result<Arrived<E>, Response> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await?;
    let id = match E::PATH.contains("{id}") {
        false => Uuid::nil(),
        true => match Path::<Uuid>::from_request_parts(&mut parts, &()).await {
            Ok(Path(id)) => id,
            Err(_) => return Err(problem::respond(&Refusal::not_found("thing"))),
        },
    };
    let body = match E::METHOD {
        Method::Get => Bytes::from_static(b"{}"),
        Method::Post => read(Request::from_parts(parts, body)).await?,
    };
    // What was wrong is told, where is told, what was sent is not: it may hold a secret.
    let message = serde_json::from_slice(&body).map_err(|error| {
        problem::respond(&Refusal::new(
            ProblemCode::Malformed,
            format!(
                "the body is not understood at line {} column {}",
                error.line(),
                error.column()
            ),
        ))
    })?;
    Ok(Arrived {
        caller,
        id,
        message,
        body,
    })
}

async fn read(request: Request) -> Result<Bytes, Response> {
    match tokio::time::timeout(BODY_DEADLINE, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) => {
            let refusal = Refusal::new(ProblemCode::Malformed, rejection.body_text());
            Err(problem::respond_with(rejection.status(), &refusal))
        }
        Err(_) => {
            let refusal = Refusal::new(ProblemCode::Malformed, "the body did not arrive in time");
            Err(problem::respond_with(StatusCode::REQUEST_TIMEOUT, &refusal))
        }
    }
}
