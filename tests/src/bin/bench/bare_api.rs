//! What axum can do without a service behind it: reads a login request, answers with a fixed body.

use std::net::SocketAddr;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use symbolon_tests::relying_party::RelyingParty;
use symbolon_tests::service::RELYING_PARTY;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A server of bare handlers; it ends when it is dropped.
pub(crate) struct BareApi {
    address: SocketAddr,
    _runtime: Runtime,
}

impl BareApi {
    /// Serves on a port of its own: any `POST` as if it opened a session, any `GET` as if the session
    /// were over, with `status` as its end.
    pub(crate) fn start(status: Value) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async { axum::serve(listener, routes(status)).await });
        Self {
            address,
            _runtime: runtime,
        }
    }

    /// The client that also asks the real service.
    pub(crate) fn relying_party(&self) -> RelyingParty {
        let (uuid, name) = RELYING_PARTY;
        RelyingParty::new(&self.address.to_string(), uuid, name)
    }
}

fn routes(status: Value) -> Router {
    let open = async |Json(request): Json<Value>| {
        let session = request["relyingPartyUUID"].clone();
        Json(json!({ "sessionID": session }))
    };
    let poll = async move || Json(status.clone());
    Router::new().route("/{*path}", post(open).get(poll))
}
