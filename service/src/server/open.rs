//! Opening everything that the service stands on; nothing is bound before all of it works.

use std::sync::Arc;

use rustls::ServerConfig;

use super::{ServeError, Sessions};
use crate::accounts::KeyCache;
use crate::certificates::CertificateAuthority;
use crate::certificates::status::CertificateStatus;
use crate::co_signing::Ahead;
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::keys::ServiceKeys;
use crate::service::Service;
use crate::store::Store;
use crate::tls;

/// What was opened.
pub(super) struct Opened {
    pub(super) service: Service,
    pub(super) demo: Option<Arc<Demo>>,
    pub(super) status: Arc<CertificateStatus>,
    pub(super) device_tls: Arc<ServerConfig>,
    pub(super) relying_party_tls: Option<Arc<ServerConfig>>,
}

pub(super) async fn open(config: &Config) -> Result<Opened, ServeError> {
    let service = service(config).await?;
    let (keys, store) = (&service.keys, &service.store);
    if config.demo.is_none() && demo::is_in(store).await? {
        return Err(ServeError::DemoAccounts);
    }
    let demo = match &config.demo {
        Some(demo) => Some(Demo::open(&service, demo).await?),
        None => None,
    };
    let status = CertificateStatus::open(&config.certificates, keys, store)?;
    let device_tls = tls::device_server(keys, &config.certificates)?;
    let relying_party_tls = match config.relying_party.tls {
        true => Some(tls::relying_party_server(keys, &config.certificates)?),
        false => None,
    };
    Ok(Opened {
        service,
        demo,
        status: Arc::new(status),
        device_tls,
        relying_party_tls,
    })
}

/// What handlers work with, without anything that listens.
pub(crate) async fn service(config: &Config) -> Result<Service, ServeError> {
    let store = Store::open(&config.store.url).await?;
    let hsm = config.hsm.clone();
    let keys = tokio::task::spawn_blocking(move || ServiceKeys::open(&hsm))
        .await
        .map_err(std::io::Error::other)??;
    let authority = CertificateAuthority::open(&config.certificates, keys.clone())?;
    Ok(Service {
        sessions: Sessions::new(
            store.clone(),
            &config.scheme_name,
            config.session_lifetime(),
        ),
        store,
        keys,
        authority: Arc::new(authority),
        account_keys: Arc::new(KeyCache::default()),
        ahead: Ahead::default(),
    })
}
