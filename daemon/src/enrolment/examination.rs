//! What the service sent, held against what the device made: the device does not put its name to
//! keys that are not half its own.

use der::Decode;
use der::asn1::UintRef;
use symbolon_protocol::device::enrolment::{ComposedKey, KeysRegistered};
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_protocol::split_key::{Modulus, PUBLIC_EXPONENT};
use x509_cert::certificate::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Pending, StoredShare};

/// Examines both keys.
pub(super) fn examine(pending: &Pending, registered: &KeysRegistered) -> Result<(), String> {
    let account = &pending.begun.document_number;
    let pairs = [
        (
            "authentication",
            &pending.authentication,
            &registered.authentication,
        ),
        ("signing", &pending.signing, &registered.signing),
    ];
    for (name, share, composed) in pairs {
        let share = share.as_ref().ok_or("a key share is missing")?;
        examine_key(share, composed, account).map_err(|detail| format!("{name} key: {detail}"))?;
    }
    Ok(())
}

fn examine_key(
    share: &StoredShare,
    composed: &ComposedKey,
    account: &DocumentNumber,
) -> Result<(), String> {
    let own =
        Modulus::from_octets(share.public.modulus.as_slice()).map_err(|error| error.to_string())?;
    let whole =
        Modulus::from_octets(composed.modulus.as_slice()).map_err(|error| error.to_string())?;
    if !own.divides(&whole) || whole.bits() < own.bits() + 1024 {
        return Err("the whole modulus is not a product with this device's".to_owned());
    }
    let certificate = Certificate::from_der(composed.certificate.as_slice())
        .map_err(|error| format!("the certificate cannot be read: {error}"))?;
    let certified = certified_key(&certificate)?;
    if certified != whole {
        return Err("the certificate is for another key".to_owned());
    }
    if !names(&certificate, account) {
        return Err("the certificate is for another account".to_owned());
    }
    Ok(())
}

/// The RSA key of a certificate (RFC 8017 appendix A.1.1), if its exponent is ours.
fn certified_key(certificate: &Certificate) -> Result<Modulus, String> {
    #[derive(der::Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        exponent: UintRef<'a>,
    }
    let info = &certificate.tbs_certificate.subject_public_key_info;
    if info.algorithm.oid != der::oid::db::rfc5912::RSA_ENCRYPTION {
        return Err("the certificate's key is no RSA key".to_owned());
    }
    let key = RsaPublicKey::from_der(info.subject_public_key.raw_bytes())
        .map_err(|error| format!("the certificate's key cannot be read: {error}"))?;
    let exponent = PUBLIC_EXPONENT.to_be_bytes();
    let exponent = &exponent[exponent.iter().take_while(|octet| **octet == 0).count()..];
    if key.exponent.as_bytes() != exponent {
        return Err("the certificate's key has another exponent".to_owned());
    }
    Modulus::from_octets(key.modulus.as_bytes()).map_err(|error| error.to_string())
}

/// Whether the certificate names the account: in the subject alternative name, as a directory
/// name whose common name is the document number.
fn names(certificate: &Certificate, account: &DocumentNumber) -> bool {
    let Ok(Some((_, names))) = certificate.tbs_certificate.get::<SubjectAltName>() else {
        return false;
    };
    let expected = account.to_string();
    names.0.iter().any(|name| {
        let GeneralName::DirectoryName(name) = name else {
            return false;
        };
        name.0
            .iter()
            .flat_map(|part| part.0.iter())
            .any(|attribute| {
                attribute.oid == der::oid::db::rfc4519::CN
                    && attribute.value.value() == expected.as_bytes()
            })
    })
}
