//! Extensions of certificates (RFC 5280 section 4.2).

use const_oid::AssociatedOid;
use const_oid::db::rfc5280::{ID_CE_SUBJECT_KEY_IDENTIFIER, ID_QT_CPS};
use const_oid::db::rfc5912::{ID_AD_CA_ISSUERS, ID_AD_OCSP};
use der::Encode;
use der::asn1::{Any, Ia5String, ObjectIdentifier, OctetString};
use der::flagset::FlagSet;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName,
};

/// `qcStatements` (RFC 3739 section 3.2.6).
pub(super) const QC_STATEMENTS: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.3");
/// `subjectDirectoryAttributes` (RFC 5280 section 4.2.1.8).
pub(super) const DIRECTORY_ATTRIBUTES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.9");
/// `anyPolicy` (RFC 5280 section 4.2.1.4).
pub(super) const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// An extension whose value is encoded already.
pub(super) fn encoded(
    identifier: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: identifier,
        critical,
        extn_value: OctetString::new(value)?,
    })
}

/// A certificate authority's constraints; critical, as they must be.
pub(super) fn authority(path_length: Option<u8>) -> der::Result<Extension> {
    extension(
        true,
        &BasicConstraints {
            ca: true,
            path_len_constraint: path_length,
        },
    )
}

/// No certificate authority.
pub(super) fn end_entity() -> der::Result<Extension> {
    extension(
        false,
        &BasicConstraints {
            ca: false,
            path_len_constraint: None,
        },
    )
}

/// What the key may be used for; critical.
pub(super) fn key_usage(usages: impl Into<FlagSet<KeyUsages>>) -> der::Result<Extension> {
    extension(true, &KeyUsage(usages.into()))
}

/// For which purpose.
pub(super) fn extended_key_usage(usage: ObjectIdentifier) -> der::Result<Extension> {
    extension(false, &ExtendedKeyUsage(vec![usage]))
}

/// The subject's key identifier.
pub(super) fn subject_key(identifier: [u8; 20]) -> der::Result<Extension> {
    encoded(
        ID_CE_SUBJECT_KEY_IDENTIFIER,
        false,
        OctetString::new(identifier)?.to_der()?,
    )
}

/// The issuer's key identifier.
pub(super) fn authority_key(identifier: [u8; 20]) -> der::Result<Extension> {
    extension(
        false,
        &AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(identifier)?),
            ..AuthorityKeyIdentifier::default()
        },
    )
}

/// Other names of the subject.
pub(super) fn alternative_names(names: Vec<GeneralName>) -> der::Result<Extension> {
    extension(false, &SubjectAltName(names))
}

/// Policies, the first with the practice statement's address.
pub(super) fn policies(
    policies: &[ObjectIdentifier],
    statement_url: Option<&str>,
) -> der::Result<Extension> {
    let mut statement = statement_url
        .map(|url| {
            Ok::<_, der::Error>(vec![PolicyQualifierInfo {
                policy_qualifier_id: ID_QT_CPS,
                qualifier: Some(Any::encode_from(&Ia5String::new(url)?)?),
            }])
        })
        .transpose()?;
    let policies = policies
        .iter()
        .map(|policy| PolicyInformation {
            policy_identifier: *policy,
            policy_qualifiers: statement.take(),
        })
        .collect();
    extension(false, &CertificatePolicies(policies))
}

/// Where the issuer's certificate and its answers about revocation are.
pub(super) fn authority_access(issuer_url: &str, ocsp_url: &str) -> der::Result<Extension> {
    let at = |method, url: &str| {
        Ok::<_, der::Error>(AccessDescription {
            access_method: method,
            access_location: GeneralName::UniformResourceIdentifier(Ia5String::new(url)?),
        })
    };
    extension(
        false,
        &AuthorityInfoAccessSyntax(vec![
            at(ID_AD_CA_ISSUERS, issuer_url)?,
            at(ID_AD_OCSP, ocsp_url)?,
        ]),
    )
}

/// Where the revocation list is.
pub(super) fn revocation_list(url: &str) -> der::Result<Extension> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    extension(
        false,
        &CrlDistributionPoints(vec![DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![name])),
            reasons: None,
            crl_issuer: None,
        }]),
    )
}

/// An extension of a type that knows its identifier.
pub(super) fn extension<T: AssociatedOid + Encode>(
    critical: bool,
    value: &T,
) -> der::Result<Extension> {
    encoded(T::OID, critical, value.to_der()?)
}
