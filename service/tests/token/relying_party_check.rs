//! What relying parties' clients check of a certificate's purpose, written down once more from
//! their side, so that our profile is not its own judge.

use der::asn1::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{CertificatePolicies, ExtendedKeyUsage, KeyUsage};

const QC_STATEMENTS: &str = "1.3.6.1.5.5.7.1.3";
const QC_TYPE: &str = "0.4.0.1862.1.6";
const QC_TYPE_ESIGN: &str = "0.4.0.1862.1.6.1";

/// Good for authentication at the qualified level.
pub(crate) fn is_qualified_authentication(certificate: &Certificate) -> bool {
    has_policies(certificate, &["1.3.6.1.4.1.10015.17.2", "0.4.0.2042.1.2"])
        && may_authenticate(certificate)
}

/// Good for authentication at the lower level.
pub(crate) fn is_advanced_authentication(certificate: &Certificate) -> bool {
    has_policies(certificate, &["1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"])
        && may_authenticate(certificate)
}

/// Good for qualified signatures.
pub(crate) fn is_qualified_signing(certificate: &Certificate) -> bool {
    has_policies(certificate, &["1.3.6.1.4.1.10015.17.2", "0.4.0.194112.1.2"])
        && key_usage(certificate).non_repudiation()
        && is_for_electronic_signatures(certificate)
}

/// Good for signatures at the lower level.
pub(crate) fn is_advanced_signing(certificate: &Certificate) -> bool {
    has_policies(certificate, &["1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"])
        && key_usage(certificate).non_repudiation()
}

/// An extension's value, if it is there.
pub(crate) fn extension<'a>(certificate: &'a Certificate, identifier: &str) -> Option<&'a [u8]> {
    let identifier = ObjectIdentifier::new(identifier).unwrap();
    certificate
        .tbs_certificate
        .extensions
        .as_ref()?
        .iter()
        .find(|extension| extension.extn_id == identifier)
        .map(|extension| extension.extn_value.as_bytes())
}

/// What the key may be used for; the extension must be there and critical.
pub(crate) fn key_usage(certificate: &Certificate) -> KeyUsage {
    let (critical, usage) = certificate.tbs_certificate.get().unwrap().unwrap();
    assert!(critical);
    usage
}

fn may_authenticate(certificate: &Certificate) -> bool {
    let usage = certificate.tbs_certificate.get::<ExtendedKeyUsage>();
    let own = ObjectIdentifier::new("1.3.6.1.4.1.62306.5.7.0").unwrap();
    usage
        .unwrap()
        .is_some_and(|(_, usage)| usage.0.contains(&own))
        && key_usage(certificate).digital_signature()
}

fn has_policies(certificate: &Certificate, wanted: &[&str]) -> bool {
    let (_, policies) = certificate
        .tbs_certificate
        .get::<CertificatePolicies>()
        .unwrap()
        .unwrap();
    wanted.iter().all(|wanted| {
        policies
            .0
            .iter()
            .any(|policy| policy.policy_identifier.to_string() == **wanted)
    })
}

fn is_for_electronic_signatures(certificate: &Certificate) -> bool {
    let Some(statements) = extension(certificate, QC_STATEMENTS) else {
        return false;
    };
    let mut found = false;
    let mut outer = SliceReader::new(statements).unwrap();
    outer
        .sequence(|statements: &mut der::NestedReader<'_, _>| {
            while !statements.is_finished() {
                let statement = der::asn1::AnyRef::decode(statements)?;
                let mut inner = SliceReader::new(statement.value())?;
                if ObjectIdentifier::decode(&mut inner)?.to_string() == QC_TYPE {
                    let types = Vec::<ObjectIdentifier>::decode(&mut inner)?;
                    found |= types.iter().any(|kind| kind.to_string() == QC_TYPE_ESIGN);
                }
            }
            Ok(())
        })
        .unwrap();
    found
}
