//! The relying-party API, version 3: what existing Smart-ID clients speak, unchanged. What older
//! ones speak is in [`v2`].
//!
//! A request is read ([`body`], [`fields`], [`request`]), its sender judged ([`source`],
//! [`registry`], [`access`]), and then it becomes a session ([`notification`], [`device_link`]), a certificate
//! ([`certificate`]) or a wait for a result ([`session`], [`status`]). Everything that goes wrong
//! is a [`problem`]. [`routes`] is the table of it all, and [`openapi`] tells it to programs. What the API leaves open, and how we decided, stands where it is decided.

pub mod access;
mod algorithm;
mod body;
mod certificate;
mod certificate_choice;
mod device_link;
mod fields;
mod inquiry;
pub mod limits;
mod linked;
mod notification;
pub mod openapi;
mod path;
mod poll_time;
pub mod problem;
pub mod registry;
pub mod request;
mod routes;
mod session;
mod source;
mod status;
mod v2;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use ipnet::IpNet;
use tower::ServiceExt;

use crate::config::RelyingPartyConfig;
use crate::sessions::{Sessions, Target};
use crate::store::{Store, StoreError};
use access::Demand;
use limits::Limits;
use problem::Problem;
use registry::RelyingParty;

/// What the API works on. Clones share everything.
#[derive(Clone)]
pub struct RelyingPartyApi {
    store: Store,
    sessions: Sessions,
    trusted_proxies: Arc<[IpNet]>,
    prefix: Arc<str>,
    prefix_v2: Option<Arc<str>>,
    device_link_base: Arc<str>,
    limits: Arc<Limits>,
}

impl RelyingPartyApi {
    /// The API over these sessions.
    pub fn new(
        store: Store,
        sessions: Sessions,
        config: &RelyingPartyConfig,
        device_link_base: &str,
    ) -> Self {
        Self {
            store,
            sessions,
            trusted_proxies: config.trusted_proxies.as_slice().into(),
            prefix: config.prefix().into(),
            prefix_v2: config.prefix_v2().map(Arc::from),
            device_link_base: device_link_base.into(),
            limits: Arc::new(Limits::new(config.limits)),
        }
    }

    async fn admit(&self, demand: Demand<'_>, source: IpAddr) -> Result<RelyingParty, Problem> {
        let party = registry::find(&self.store, demand.claim.uuid).await?;
        let party = access::admit(demand, party, source)?;
        self.limits.admit_party(party.uuid)?;
        Ok(party)
    }

    /// Whether the relying party may push one more to whom it asks for.
    fn admit_push(&self, party: &RelyingParty, target: &Target) -> Result<(), Problem> {
        self.limits.admit_push(party.uuid, target.person())
    }
}

/// The API's routes. Requests must carry `ConnectInfo<SocketAddr>`.
pub fn router(api: RelyingPartyApi) -> Router {
    let routes = routes::router();
    let prefixed = match &*api.prefix {
        "/" => routes,
        prefix => Router::new().nest(prefix, routes),
    };
    let prefixed = match &api.prefix_v2 {
        None => prefixed,
        Some(prefix) => prefixed.nest(prefix, v2::router()),
    };
    let served = prefixed
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .with_state(api);
    // Around the router, not a layer of it: layers run when the route has been chosen already.
    Router::new().fallback_service(served.map_request(path::without_empty_segments))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a relying party's request failed");
        Self::maintenance()
    }
}

#[cfg(test)]
mod tests;
