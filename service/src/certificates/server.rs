//! The service's own TLS certificate.

use std::net::IpAddr;

use const_oid::db::rfc5912::ID_KP_SERVER_AUTH;
use der::asn1::Ia5String;
use x509_cert::certificate::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{KeyUsages, SubjectAltName};

use super::config::CertificatesConfig;
use super::error::CertificatesError;
use super::issue::{Contents, Period};
use super::{extensions, names, public_keys};

/// The longest that TLS clients accept (CA/Browser Forum Baseline Requirements section 6.3.2,
/// before they were shortened for public authorities).
const VALIDITY_DAYS: u32 = 397;

/// What the server's certificate says. `server_names` are host names and addresses, at least one.
pub(super) fn contents(
    config: &CertificatesConfig,
    point: &[u8; 65],
    server_names: &[String],
) -> Result<Contents, CertificatesError> {
    let first = server_names
        .first()
        .ok_or_else(|| CertificatesError::Config("no name for the TLS server".to_owned()))?;
    Ok(Contents {
        subject: names::common_name(first)?,
        public_key: public_keys::p256(point)?,
        period: Period::from_now(VALIDITY_DAYS),
        extensions: vec![
            extensions::end_entity()?,
            extensions::key_usage(KeyUsages::DigitalSignature)?,
            extensions::extended_key_usage(ID_KP_SERVER_AUTH)?,
            extensions::alternative_names(alternative_names(server_names)?)?,
            extensions::authority_access(&config.issuer_url, &config.ocsp_url)?,
            extensions::revocation_list(&config.crl_url)?,
        ],
    })
}

/// Whether the certificate has these names and no others.
pub(super) fn has_names(
    certificate: &Certificate,
    server_names: &[String],
) -> Result<bool, CertificatesError> {
    let stands = certificate.tbs_certificate.get::<SubjectAltName>()?;
    Ok(stands.map(|(_, names)| names.0) == Some(alternative_names(server_names)?))
}

fn alternative_names(server_names: &[String]) -> Result<Vec<GeneralName>, CertificatesError> {
    server_names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Ok(GeneralName::from(address)),
            Err(_) if is_host_name(name) => Ok(GeneralName::DnsName(Ia5String::new(name)?)),
            Err(_) => Err(CertificatesError::Config(format!(
                "`{name}` is neither a host name nor an address"
            ))),
        })
        .collect()
}

/// Letters, digits and hyphens in labels (RFC 1123 section 2.1); no wildcards.
fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hosts_or_addresses() {
        let names = ["localhost", "id.example.com", "127.0.0.1", "::1"].map(str::to_owned);
        assert_eq!(alternative_names(&names).unwrap().len(), 4);
        for wrong in ["", "a b", "*.example.com", "id..com", "https://id"] {
            assert!(alternative_names(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
