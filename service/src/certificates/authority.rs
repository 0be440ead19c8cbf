//! The issuing authority at work.

use std::time::SystemTime;

use der::Encode;
use x509_cert::certificate::Certificate;

use super::account::{self, AccountCertificateRequest};
use super::chain;
use super::config::CertificatesConfig;
use super::error::CertificatesError;
use super::issue::Issuer;
use crate::keys::{Authority, ServiceKeys};

/// Issues certificates under `issuing.pem`.
pub struct CertificateAuthority {
    config: CertificatesConfig,
    keys: ServiceKeys,
    issuing: Certificate,
}

/// A certificate, and what the store keeps beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its serial number, in lower-case hexadecimal.
    pub serial: String,
    /// From when on it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
}

impl CertificateAuthority {
    /// Reads the issuing certificate and makes sure that it is over the token's key.
    pub fn open(config: &CertificatesConfig, keys: ServiceKeys) -> Result<Self, CertificatesError> {
        account::check_addresses(config)?;
        Ok(Self {
            issuing: chain::load_issuing(config, &keys)?,
            config: config.clone(),
            keys,
        })
    }

    /// Issues one of an account's two certificates.
    pub async fn issue_account_certificate(
        &self,
        request: &AccountCertificateRequest<'_>,
    ) -> Result<IssuedCertificate, CertificatesError> {
        let mut contents = account::contents(&self.config, request)?;
        let issuer_ends = self.issuing.tbs_certificate.validity.not_after;
        contents.period = contents.period.ending_by(issuer_ends.to_system_time());
        let period = contents.period;
        let issuer = Issuer {
            keys: self.keys.clone(),
            authority: Authority::Issuing,
            name: self.issuing.tbs_certificate.subject.clone(),
        };
        let certificate = issuer.issue(contents).await?;
        Ok(IssuedCertificate {
            der: certificate.to_der()?,
            serial: hex::encode(certificate.tbs_certificate.serial_number.as_bytes()),
            not_before: period.not_before,
            not_after: period.not_after,
        })
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("issuing", &self.issuing.tbs_certificate.subject.to_string())
            .finish_non_exhaustive()
    }
}
