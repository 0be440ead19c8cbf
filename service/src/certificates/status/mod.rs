//! Whether certificates still hold: OCSP (RFC 6960, RFC 5019), revocation lists and the
//! authorities' certificates, over plain HTTP as everybody expects them.
//!
//! The issuing authority signs its answers itself. A delegated responder's key would lie on the
//! same token, behind the same PIN and in the same process, so it would protect nothing more, and
//! would be one more certificate that runs out.
//!
//! Every answer is decided by what the store says when it is given. What is kept is the token's
//! signature over an answer, and only as long as the store says the same.

mod http;
mod question;
mod responder;
mod revocation_list;
mod standing;

use const_oid::db::rfc5912::ECDSA_WITH_SHA_384;
use der::Encode;
use spki::AlgorithmIdentifierOwned;
use x509_cert::certificate::Certificate;

use super::chain;
use super::config::CertificatesConfig;
use super::error::CertificatesError;
use super::issue::Issuer;
use crate::keys::{Authority, ServiceKeys};
use crate::store::{Store, StoreError};

pub use http::router;
use responder::Responder;
use revocation_list::RevocationList;

/// Everything that is told about certificates.
pub struct CertificateStatus {
    responder: Responder,
    issuing_list: RevocationList,
    root_list: RevocationList,
    issuing_certificate: Vec<u8>,
    root_certificate: Vec<u8>,
}

/// Why there is no answer now.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatusError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token, or the encoding.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// As many ask as can be served.
    #[error("too many questions at a time")]
    Busy,
    /// The work on it ended before there was one.
    #[error("the service is ending")]
    Ended,
}

impl From<sqlx::Error> for StatusError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<der::Error> for StatusError {
    fn from(error: der::Error) -> Self {
        Self::Certificates(error.into())
    }
}

impl CertificateStatus {
    /// Reads the authorities' certificates, which must be over the token's keys.
    pub fn open(
        config: &CertificatesConfig,
        keys: &ServiceKeys,
        store: &Store,
    ) -> Result<Self, CertificatesError> {
        let root = chain::load_root(config, keys)?;
        let issuing = chain::load_issuing(config, keys)?;
        let own_serial = chain::server_serial(config)?;
        Ok(Self {
            issuing_certificate: issuing.to_der()?,
            root_certificate: root.to_der()?,
            responder: Responder::new(
                signer(keys, Authority::Issuing, &issuing),
                &issuing,
                own_serial,
                store.clone(),
            )?,
            issuing_list: RevocationList::new(
                signer(keys, Authority::Issuing, &issuing),
                store.clone(),
            ),
            root_list: RevocationList::new(signer(keys, Authority::Root, &root), store.clone()),
        })
    }
}

fn signer(keys: &ServiceKeys, authority: Authority, certificate: &Certificate) -> Issuer {
    Issuer {
        keys: keys.clone(),
        authority,
        name: certificate.tbs_certificate.subject.clone(),
    }
}

/// How both authorities sign.
fn signature_algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA_384,
        parameters: None,
    }
}
