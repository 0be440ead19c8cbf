//! The configured services, ready to connect to.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::ServiceConfig;
use crate::link::Endpoint;

/// One service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name in the configuration.
    pub name: String,
    /// Its address as configured.
    pub url: String,
    /// Its address.
    pub endpoint: Endpoint,
    /// Who may vouch for it.
    pub roots: Arc<RootCertStore>,
}

impl Service {
    /// Reads what the configuration names. The error is in words.
    pub fn load(config: &ServiceConfig) -> Result<Self, String> {
        Ok(Self {
            name: config.name.clone(),
            url: config.url.clone(),
            endpoint: Endpoint::parse(&config.url).map_err(|error| error.to_string())?,
            roots: Arc::new(roots(&config.ca)?),
        })
    }
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let unusable = |detail: String| format!("{}: {detail}", file.display());
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    Ok(roots)
}
