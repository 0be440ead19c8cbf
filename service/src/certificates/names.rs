//! Distinguished names.

use const_oid::db::rfc4519::{
    COMMON_NAME, COUNTRY_NAME, GIVEN_NAME, ORGANIZATION_NAME, SERIAL_NUMBER, SURNAME,
};
use der::Tag;
use der::asn1::{Any, ObjectIdentifier, PrintableString, SetOfVec};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use super::config::CertificatesConfig;
use super::error::CertificatesError;

/// `organizationIdentifier` (X.520, ETSI EN 319 412-1 section 5.1.4).
const ORGANIZATION_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.97");

/// The name of one of the two authorities.
pub(super) fn authority(
    config: &CertificatesConfig,
    common_name: &str,
) -> Result<Name, CertificatesError> {
    let mut parts = vec![
        part(COMMON_NAME, Tag::Utf8String, common_name)?,
        part(ORGANIZATION_NAME, Tag::Utf8String, &config.organisation)?,
        part(COUNTRY_NAME, Tag::PrintableString, &config.country)?,
    ];
    if let Some(identifier) = &config.organisation_identifier {
        parts.insert(
            1,
            part(ORGANIZATION_IDENTIFIER, Tag::Utf8String, identifier)?,
        );
    }
    Ok(RdnSequence(parts))
}

/// A person's name, in the order and the spelling that relying parties' clients read.
pub(super) fn person(
    country: &str,
    surname: &str,
    given_name: &str,
    identifier: &str,
) -> Result<Name, CertificatesError> {
    let surname = surname.to_uppercase();
    let given_name = given_name.to_uppercase();
    Ok(RdnSequence(vec![
        part(COUNTRY_NAME, Tag::PrintableString, country)?,
        part(
            COMMON_NAME,
            Tag::Utf8String,
            &format!("{surname},{given_name}"),
        )?,
        part(SURNAME, Tag::Utf8String, &surname)?,
        part(GIVEN_NAME, Tag::Utf8String, &given_name)?,
        part(SERIAL_NUMBER, tag_for(identifier), identifier)?,
    ]))
}

/// A name of one part, `CN`.
pub(super) fn common_name(text: &str) -> Result<Name, CertificatesError> {
    Ok(RdnSequence(vec![part(COMMON_NAME, Tag::Utf8String, text)?]))
}

/// A PrintableString where the text allows it (X.680 section 41.4), as in real certificates.
fn tag_for(text: &str) -> Tag {
    match PrintableString::new(text) {
        Ok(_) => Tag::PrintableString,
        Err(_) => Tag::Utf8String,
    }
}

fn part(
    kind: ObjectIdentifier,
    tag: Tag,
    text: &str,
) -> Result<RelativeDistinguishedName, CertificatesError> {
    let attribute = AttributeTypeAndValue {
        oid: kind,
        value: Any::new(tag, text.as_bytes())?,
    };
    Ok(RelativeDistinguishedName(SetOfVec::try_from(vec![
        attribute,
    ])?))
}
