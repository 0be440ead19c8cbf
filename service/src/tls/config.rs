//! The two TLS servers' settings.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use super::client_certificate::DeviceCertificates;
use super::error::TlsError;
use super::server_key::TokenKey;
use crate::certificates::{CertificatesConfig, chain};
use crate::keys::ServiceKeys;

/// HTTP/2 first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// For the device API: TLS 1.3, client certificate required.
///
/// Without session resumption: a resumed session would prove that somebody has a secret from the
/// device's memory, not that the device's hardware takes part. Connections last long, so a
/// signature at each costs little, and the service keeps nothing for those that are gone.
pub fn device_server(
    keys: &ServiceKeys,
    certificates: &CertificatesConfig,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let verifier = DeviceCertificates {
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(shown(keys, certificates)?));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For the relying-party API: TLS 1.2 as well, because clients in use speak nothing newer; no
/// client certificate.
pub fn relying_party_server(
    keys: &ServiceKeys,
    certificates: &CertificatesConfig,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown(keys, certificates)?));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn shown(
    keys: &ServiceKeys,
    certificates: &CertificatesConfig,
) -> Result<SingleCertAndKey, TlsError> {
    let chain = chain::load_server(certificates, keys)?;
    Ok(CertifiedKey::new(chain, Arc::new(TokenKey(keys.clone()))).into())
}
