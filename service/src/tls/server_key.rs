//! The TLS server's key on the token, as rustls sees it.

use p256::ecdsa::Signature;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::keys::ServiceKeys;

/// Signs handshakes on the token.
#[derive(Debug, Clone)]
pub(super) struct TokenKey(pub(super) ServiceKeys);

impl SigningKey for TokenKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP256_SHA256)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(message).into();
        let signature = off_the_runtime(|| self.0.sign_tls_handshake(&digest))
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let signature = Signature::from_slice(&signature)
            .map_err(|_| rustls::Error::General("the token's signature is none".to_owned()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

/// rustls signs within the handshake's poll. Other tasks of this thread move elsewhere meanwhile,
/// where the runtime has an elsewhere.
fn off_the_runtime<T>(act: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(act)
        }
        _ => act(),
    }
}
