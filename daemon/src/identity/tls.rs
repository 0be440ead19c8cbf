//! The TLS client of one device: TLS 1.3 only, the configured roots only, and a client key that
//! only the vault can use.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{ClientConfig, RootCertStore, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};
use symbolon_vault::SealedIdentity;

use super::certificate::{CertificateError, der_signature, public_key_info};
use crate::vault_thread::VaultHandle;

/// Why there is no TLS client.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The device key is malformed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The TLS library refused the setup.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A TLS client that trusts `roots` alone and shows `certificate`, whose key is `identity`'s.
pub fn client_config(
    vault: &VaultHandle,
    identity: &SealedIdentity,
    device_key: &[u8],
    certificate: Vec<u8>,
    roots: Arc<RootCertStore>,
) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let key = DeviceTlsKey {
        vault: vault.clone(),
        identity: Arc::new(identity.clone()),
        public_key_info: public_key_info(device_key)?,
    };
    let certified = CertifiedKey::new(vec![CertificateDer::from(certificate)], Arc::new(key));
    // Always an explicit provider: a process default depends on what else is linked in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(OneCertificate(Arc::new(certified))));
    config.alpn_protocols = vec![b"h2".to_vec()];
    // One service per client: more than a few kept sessions would only be memory.
    config.resumption = Resumption::in_memory_sessions(4);
    Ok(Arc::new(config))
}

#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesClientCert for OneCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone)]
struct DeviceTlsKey {
    vault: VaultHandle,
    identity: Arc<SealedIdentity>,
    public_key_info: Vec<u8>,
}

impl SigningKey for DeviceTlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP256_SHA256)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(
            self.public_key_info.as_slice(),
        ))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for DeviceTlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(message).into();
        let identity = self.identity.clone();
        let ask = || {
            self.vault
                .call_blocking(move |vault| vault.sign_as_device(&identity, &digest))
        };
        // The handshake polls this on a worker thread; the hardware may take half a second.
        let signature = match tokio::runtime::Handle::try_current() {
            Ok(runtime)
                if runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread =>
            {
                tokio::task::block_in_place(ask)
            }
            _ => ask(),
        };
        let signature = signature.map_err(|error| other(error.to_string()))?;
        der_signature(&signature).map_err(|error| other(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

fn other(text: String) -> rustls::Error {
    rustls::Error::General(format!("the hardware did not sign the handshake: {text}"))
}
