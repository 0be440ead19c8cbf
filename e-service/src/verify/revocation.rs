//! Whether a certificate was taken back: a question for its authority's OCSP responder, and the answer
//! judged (RFC 6960 section 3.2). No I/O: whoever asks brings the answer.
//!
//! The authority itself must have signed the answer, or a responder that it delegated this to
//! ([`responder`](super::responder)).

use const_oid::AssociatedOid;
use const_oid::db::rfc5912::ID_SHA_256;
use const_oid::db::rfc6960::ID_PKIX_OCSP_BASIC;
use der::asn1::{Null, OctetString};
use der::{Decode, Encode, Reader, SliceReader};
use time::{Duration, OffsetDateTime};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::ext::Nonce;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    OcspResponseStatus, Request, SingleResponse, TbsRequest, Version,
};

use super::responder::{Answer, may_have_signed};
use super::revocation_list;
use super::{Certificate, Hash, Rejected};
use crate::random;

/// By how much a responder's clock and ours may differ.
pub(super) const SKEW: Duration = Duration::minutes(5);

/// A question about one certificate.
#[derive(Debug)]
pub struct Question {
    der: Vec<u8>,
    certificate: CertId,
    nonce: Nonce,
    issuer: Certificate,
}

impl Question {
    /// Asks about a certificate that this issuer's key signed.
    ///
    /// # Errors
    /// [`Rejected::StatusUnknown`] if there are no random numbers, or names that cannot be encoded.
    pub fn about(certificate: &Certificate, issuer: &Certificate) -> Result<Self, Rejected> {
        let nonce = random::octets::<32>().map_err(unknown)?;
        Self::with_nonce(certificate, issuer, &nonce).map_err(unknown)
    }

    fn with_nonce(
        certificate: &Certificate,
        issuer: &Certificate,
        nonce: &[u8],
    ) -> der::Result<Self> {
        let authority = &issuer.parsed().tbs_certificate;
        let name = authority.subject.to_der()?;
        let key = authority
            .subject_public_key_info
            .subject_public_key
            .raw_bytes();
        let hash = |octets: &[u8]| OctetString::new(Hash::Sha256.digest(octets));
        let certificate = CertId {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid: ID_SHA_256,
                parameters: Some(Null.into()),
            },
            issuer_name_hash: hash(&name)?,
            issuer_key_hash: hash(key)?,
            serial_number: certificate.parsed().tbs_certificate.serial_number.clone(),
        };
        let nonce = Nonce::new(nonce)?;
        let request = OcspRequest {
            tbs_request: TbsRequest {
                version: Version::V1,
                requestor_name: None,
                request_list: vec![Request {
                    req_cert: certificate.clone(),
                    single_request_extensions: None,
                }],
                request_extensions: Some(vec![Extension {
                    extn_id: Nonce::OID,
                    critical: false,
                    extn_value: OctetString::new(nonce.to_der()?)?,
                }]),
            },
            optional_signature: None,
        };
        Ok(Self {
            der: request.to_der()?,
            certificate,
            nonce,
            issuer: issuer.clone(),
        })
    }

    /// What is sent.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the answer says that the certificate is good, now.
    ///
    /// # Errors
    /// [`Rejected::Revoked`] if it was taken back, [`Rejected::StatusUnknown`] for everything that
    /// does not say either.
    pub fn check(&self, answer: &[u8], now: OffsetDateTime) -> Result<(), Rejected> {
        let basic = self.signed_answer(answer, now)?;
        if basic.nonce().as_ref() != Some(&self.nonce) {
            return Err(unknown("the answer is to another question"));
        }
        let answers = &basic.tbs_response_data.responses;
        let about = |one: &&SingleResponse| one.cert_id == self.certificate;
        let single = answers.iter().find(about);
        let single = single.ok_or_else(|| unknown("the answer is about another certificate"))?;
        if !is_of_now(single, now) {
            return Err(unknown("the answer is not of now"));
        }
        match single.cert_status {
            CertStatus::Good(_) => Ok(()),
            CertStatus::Revoked(_) => Err(Rejected::Revoked),
            CertStatus::Unknown(_) => Err(unknown("the responder does not know it")),
        }
    }

    /// The same by the authority's revocation list, DER, for when nobody answers.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_list(&self, list: &[u8], now: OffsetDateTime) -> Result<(), Rejected> {
        revocation_list::check(list, &self.issuer, &self.certificate.serial_number, now)
    }

    fn signed_answer(
        &self,
        answer: &[u8],
        now: OffsetDateTime,
    ) -> Result<BasicOcspResponse, Rejected> {
        let response = OcspResponse::from_der(answer).map_err(unknown)?;
        if response.response_status != OcspResponseStatus::Successful {
            let told = format!("the responder says {:?}", response.response_status);
            return Err(unknown(told));
        }
        let bytes = response.response_bytes;
        let bytes = bytes.filter(|bytes| bytes.response_type == ID_PKIX_OCSP_BASIC);
        let bytes = bytes.ok_or_else(|| unknown("the answer is of an unknown type"))?;
        let octets = bytes.response.as_bytes();
        let basic = BasicOcspResponse::from_der(octets).map_err(unknown)?;
        let body = signed_part(octets).map_err(unknown)?;
        let signature = basic.signature.as_bytes();
        let signature = signature.ok_or_else(|| unknown("the answer's signature"))?;
        let signed = Answer {
            body,
            algorithm: basic.signature_algorithm.oid,
            signature,
        };
        let enclosed = basic.certs.as_deref().unwrap_or_default();
        may_have_signed(&self.issuer, enclosed, &signed, now).map_err(unknown)?;
        Ok(basic)
    }
}

/// An answer to a nonce is made for it; it still must not say that it is of another time.
fn is_of_now(single: &SingleResponse, now: OffsetDateTime) -> bool {
    let at = |time: &OcspGeneralizedTime| {
        let seconds = time.0.to_unix_duration().as_secs();
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
    };
    let began = at(&single.this_update).is_some_and(|from| from <= now + SKEW);
    let lasts = single
        .next_update
        .as_ref()
        .is_none_or(|until| at(until).is_some_and(|until| until >= now - SKEW));
    began && lasts
}

/// What is signed of something that consists of that, an algorithm and a signature: the octets as they
/// came, as with certificates.
pub(super) fn signed_part(octets: &[u8]) -> der::Result<&[u8]> {
    SliceReader::new(octets)?.sequence(|reader| {
        let body = reader.tlv_bytes()?;
        while !reader.is_finished() {
            reader.tlv_bytes()?;
        }
        Ok(body)
    })
}

pub(super) fn unknown(why: impl ToString) -> Rejected {
    Rejected::StatusUnknown(why.to_string())
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
    use der::asn1::{BitString, GeneralizedTime};
    use x509_ocsp::{ResponderId, ResponseBytes, ResponseData, RevokedInfo};

    use super::super::made::{Authority, NOW};
    use super::*;

    type Change = fn(&mut ResponseData);

    fn at(time: OffsetDateTime) -> OcspGeneralizedTime {
        let seconds = u64::try_from(time.unix_timestamp()).unwrap();
        let since = std::time::Duration::from_secs(seconds);
        OcspGeneralizedTime(GeneralizedTime::from_unix_duration(since).unwrap())
    }

    fn extension(nonce: &[u8]) -> Extension {
        Extension {
            extn_id: Nonce::OID,
            critical: false,
            extn_value: OctetString::new(Nonce::new(nonce).unwrap().to_der().unwrap()).unwrap(),
        }
    }

    /// A good answer, after `change`, signed by `signer`.
    fn answer(question: &Question, signer: &Authority, change: Change) -> Vec<u8> {
        let nonce = question.nonce.0.as_bytes();
        let mut data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByName(question.issuer.subject().clone()),
            produced_at: at(NOW),
            responses: vec![SingleResponse {
                cert_id: question.certificate.clone(),
                cert_status: CertStatus::good(),
                this_update: at(NOW),
                next_update: None,
                single_extensions: None,
            }],
            response_extensions: Some(vec![extension(nonce)]),
        };
        change(&mut data);
        let basic = BasicOcspResponse {
            signature: BitString::from_bytes(&signer.signs(&data.to_der().unwrap())).unwrap(),
            tbs_response_data: data,
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: ECDSA_WITH_SHA_256,
                parameters: None,
            },
            certs: None,
        };
        let response = OcspResponse {
            response_status: OcspResponseStatus::Successful,
            response_bytes: Some(ResponseBytes {
                response_type: ID_PKIX_OCSP_BASIC,
                response: OctetString::new(basic.to_der().unwrap()).unwrap(),
            }),
        };
        response.to_der().unwrap()
    }

    #[test]
    fn only_the_authoritys_own_word_of_now_about_this_certificate_counts() {
        let authority = Authority::root("Root");
        let person = authority.person(|_| {}).certificate();
        let issuer = authority.made.certificate();
        let question = Question::about(&person, &issuer).unwrap();
        let check = |change| question.check(&answer(&question, &authority, change), NOW);
        assert_eq!(check(|_| {}), Ok(()));
        let revoked: Change = |data| {
            data.responses[0].cert_status = CertStatus::revoked(RevokedInfo {
                revocation_time: at(NOW),
                revocation_reason: None,
            });
        };
        assert_eq!(check(revoked), Err(Rejected::Revoked));
        let changes: [(&str, Change); 7] = [
            ("no nonce", |data| data.response_extensions = None),
            ("another nonce", |data| {
                data.response_extensions = Some(vec![extension(&[7; 32])]);
            }),
            ("another certificate", |data| {
                data.responses[0].cert_id.serial_number = 8_u32.into();
            }),
            ("none", |data| data.responses.clear()),
            ("unknown", |data| {
                data.responses[0].cert_status = CertStatus::unknown();
            }),
            ("of tomorrow", |data| {
                data.responses[0].this_update = at(NOW + Duration::days(1));
            }),
            ("of yesterday", |data| {
                data.responses[0].next_update = Some(at(NOW - Duration::days(1)));
            }),
        ];
        for (what, change) in changes {
            let told = check(change);
            assert!(
                matches!(told, Err(Rejected::StatusUnknown(_))),
                "{what}: {told:?}"
            );
        }
        let stranger = Authority::root("Root");
        let busy = OcspResponse::try_later().to_der().unwrap();
        for octets in [
            answer(&question, &stranger, |_| {}),
            busy,
            b"<html>".to_vec(),
        ] {
            let told = question.check(&octets, NOW);
            assert!(matches!(told, Err(Rejected::StatusUnknown(_))), "{told:?}");
        }
    }
}
