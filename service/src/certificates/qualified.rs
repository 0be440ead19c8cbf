//! Statements of a qualified signing certificate (ETSI EN 319 412-5), and the birth date.

use der::asn1::{Any, Ia5String, ObjectIdentifier, SetOfVec};
use der::{Encode, Sequence, Tag};
use symbolon_protocol::identifiers::BirthDate;
use x509_cert::attr::Attribute;

const QC_SYNTAX_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.11.2");
/// `id-etsi-qcs-semanticsId-Natural` (ETSI EN 319 412-1).
const SEMANTICS_NATURAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.194121.1.1");
const QC_COMPLIANCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.1");
const QC_SSCD: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.4");
const QC_PDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.5");
const QC_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.6");
const QC_TYPE_ESIGN: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.6.1");
/// `id-pda-dateOfBirth` (RFC 3739 section 3.2.1).
const DATE_OF_BIRTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.9.1");

/// The value of the `qcStatements` extension.
pub(super) fn statements(disclosure_url: Option<&str>) -> der::Result<Vec<u8>> {
    let mut statements = vec![
        statement(
            QC_SYNTAX_V2,
            Some(Any::encode_from(&vec![SEMANTICS_NATURAL])?),
        ),
        statement(QC_COMPLIANCE, None),
        statement(QC_SSCD, None),
        statement(QC_TYPE, Some(Any::encode_from(&vec![QC_TYPE_ESIGN])?)),
    ];
    if let Some(url) = disclosure_url {
        let location = DisclosureLocation {
            url: Ia5String::new(url)?,
            language: Any::new(Tag::PrintableString, b"en".as_slice())?,
        };
        statements.push(statement(QC_PDS, Some(Any::encode_from(&vec![location])?)));
    }
    statements.to_der()
}

/// The value of the `subjectDirectoryAttributes` extension: noon, as Smart-ID writes it, so that
/// no time zone moves the day.
pub(super) fn birth_date(date: BirthDate) -> der::Result<Vec<u8>> {
    // Not by way of `GeneralizedTime`: that type begins in 1970, and people were born before.
    let noon = format!(
        "{:04}{:02}{:02}120000Z",
        date.year(),
        date.month(),
        date.day()
    );
    let attribute = Attribute {
        oid: DATE_OF_BIRTH,
        values: SetOfVec::try_from(vec![Any::new(Tag::GeneralizedTime, noon.as_bytes())?])?,
    };
    vec![attribute].to_der()
}

#[derive(Sequence)]
struct Statement {
    identifier: ObjectIdentifier,
    information: Option<Any>,
}

#[derive(Sequence)]
struct DisclosureLocation {
    url: Ia5String,
    language: Any,
}

fn statement(identifier: ObjectIdentifier, information: Option<Any>) -> Statement {
    Statement {
        identifier,
        information,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements of a real Smart-ID signing certificate, but for the address.
    #[test]
    fn are_encoded_as_in_real_certificates() {
        let url = "https://www.skidsolutions.eu/en/repository/conditions-for-use-of-certificates/";
        let expected = format!(
            "30819e3015 06082b06010505070b02 3009 060704008bec490101 3008 060604008e460101 \
             3008 060604008e460104 3013 060604008e460106 3009 060704008e46010601 \
             305c 060604008e460105 3052 3050 164a{} 1302 656e",
            hex::encode(&url.as_bytes()[..0x4a])
        )
        .replace(' ', "");
        assert_eq!(
            hex::encode(statements(Some(&url[..0x4a])).unwrap()),
            expected
        );
    }

    #[test]
    fn a_birth_date_is_written_at_noon() {
        let octets = birth_date(BirthDate::new(1905, 4, 4).unwrap()).unwrap();
        assert!(
            octets
                .windows(15)
                .any(|window| window == b"19050404120000Z")
        );
    }
}
