//! An OCSP request, read without trust: anybody may send one.

use const_oid::db::rfc6960::ID_PKIX_OCSP_NONCE;
use der::Decode;
use der::asn1::OctetString;
use x509_cert::ext::Extension;
use x509_ocsp::{CertId, OcspRequest};

/// Certificates that one request may name. Clients name one, or a chain.
const MOST_CERTIFICATES: usize = 16;

/// RFC 9654 section 2.1, which lengthened RFC 8954's 32.
const LONGEST_NONCE: usize = 128;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// At least one.
    pub(super) certificates: Vec<CertId>,
    /// The extension as it stands, to be echoed.
    pub(super) nonce: Option<Extension>,
}

/// It is no request that RFC 6960 section 4.1 allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Question {
    /// Reads DER. A signature of the requestor is not looked at: everybody may ask.
    pub(super) fn read(request: &[u8]) -> Result<Self, Malformed> {
        let request = OcspRequest::from_der(request)
            .map_err(|_| Malformed)?
            .tbs_request;
        if !(1..=MOST_CERTIFICATES).contains(&request.request_list.len()) {
            return Err(Malformed);
        }
        let mut nonce = None;
        for extension in request.request_extensions.unwrap_or_default() {
            if extension.extn_id == ID_PKIX_OCSP_NONCE {
                check_nonce(&extension)?;
                if nonce.replace(extension).is_some() {
                    return Err(Malformed);
                }
            } else if extension.critical {
                return Err(Malformed);
            }
        }
        let mut certificates = Vec::with_capacity(request.request_list.len());
        for single in request.request_list {
            let extensions = single.single_request_extensions.unwrap_or_default();
            if extensions.iter().any(|extension| extension.critical) {
                return Err(Malformed);
            }
            certificates.push(single.req_cert);
        }
        Ok(Self {
            certificates,
            nonce,
        })
    }
}

/// Before RFC 8954 it was nowhere said that a nonce is an OCTET STRING inside the extension's own, and
/// clients from that time put it there bare.
fn check_nonce(extension: &Extension) -> Result<(), Malformed> {
    let value = extension.extn_value.as_bytes();
    let nonce = OctetString::from_der(value);
    let nonce = nonce.as_ref().map_or(value, OctetString::as_bytes);
    match (1..=LONGEST_NONCE).contains(&nonce.len()) {
        true => Ok(()),
        false => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5912::ID_SHA_1;
    use der::Encode;
    use proptest::prelude::*;
    use spki::AlgorithmIdentifierOwned;
    use x509_cert::serial_number::SerialNumber;
    use x509_ocsp::{Request, TbsRequest};

    use super::*;

    fn request(certificates: usize, extensions: Vec<Extension>) -> Vec<u8> {
        let single = Request {
            req_cert: CertId {
                hash_algorithm: AlgorithmIdentifierOwned {
                    oid: ID_SHA_1,
                    parameters: None,
                },
                issuer_name_hash: OctetString::new([1; 20]).unwrap(),
                issuer_key_hash: OctetString::new([2; 20]).unwrap(),
                serial_number: SerialNumber::new(&[0x41; 16]).unwrap(),
            },
            single_request_extensions: None,
        };
        OcspRequest {
            tbs_request: TbsRequest {
                version: x509_ocsp::Version::V1,
                requestor_name: None,
                request_list: vec![single; certificates],
                request_extensions: (!extensions.is_empty()).then_some(extensions),
            },
            optional_signature: None,
        }
        .to_der()
        .unwrap()
    }

    fn nonce(length: usize) -> Extension {
        Extension {
            extn_id: ID_PKIX_OCSP_NONCE,
            critical: false,
            extn_value: OctetString::new(
                OctetString::new(vec![7; length]).unwrap().to_der().unwrap(),
            )
            .unwrap(),
        }
    }

    fn bare_nonce(length: usize) -> Extension {
        Extension {
            extn_value: OctetString::new(vec![7; length]).unwrap(),
            ..nonce(1)
        }
    }

    #[test]
    fn certificates_and_nonces_are_bounded() {
        for (certificates, extensions, right) in [
            (1, vec![], true),
            (16, vec![nonce(1)], true),
            (1, vec![nonce(128)], true),
            (0, vec![], false),
            (17, vec![], false),
            (1, vec![nonce(0)], false),
            (1, vec![nonce(129)], false),
            (1, vec![nonce(8), nonce(8)], false),
            (1, vec![bare_nonce(1)], true),
            (1, vec![bare_nonce(128)], true),
            (1, vec![bare_nonce(0)], false),
            (1, vec![bare_nonce(129)], false),
        ] {
            let read = Question::read(&request(certificates, extensions.clone()));
            assert_eq!(read.is_ok(), right, "{certificates} {extensions:?}");
        }
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused() {
        let mut unknown = nonce(8);
        unknown.extn_id = const_oid::ObjectIdentifier::new_unwrap("1.2.3.4");
        assert!(Question::read(&request(1, vec![unknown.clone()])).is_ok());
        unknown.critical = true;
        assert!(Question::read(&request(1, vec![unknown])).is_err());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Question::read(&octets);
        }

        #[test]
        fn a_request_cut_off_or_damaged_is_no_panic(cut in 0usize..120, at in 0usize..120, with: u8) {
            let mut octets = request(1, vec![nonce(16)]);
            let at = at % octets.len();
            octets[at] ^= with;
            let _ = Question::read(&octets);
            octets.truncate(cut);
            prop_assert!(Question::read(&octets).is_err() || cut >= octets.len());
        }
    }
}
