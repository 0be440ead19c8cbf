//! The OCSP responder: a question in, a signed answer out.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::Encode;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::sync::{Mutex, Semaphore};
use x509_cert::certificate::Certificate;
use x509_ocsp::{
    BasicOcspResponse, CertId, OcspGeneralizedTime, OcspResponse, ResponderId, ResponseData,
    SingleResponse, Version,
};

use super::question::Question;
use super::standing::{Standing, general_time};
use super::{StatusError, signature_algorithm};
use crate::certificates::issue::Issuer;
use crate::clock::Timestamp;
use crate::store::Store;

/// Questions that may be under way, waiting or worked on; further ones are turned away.
const PLACES: usize = 64;

/// Questions that may be at the store and the token. One: so that however many ask, a login finds
/// at most one of these signatures before its own.
const AT_WORK: usize = 1;

/// For how long a signed answer is given again, while the store says the same.
const GIVEN_AGAIN_FOR: Duration = Duration::from_secs(30);

/// For how long an answer without a nonce may be believed.
const VALID_FOR: Duration = Duration::from_secs(60);

/// Signed answers that are kept.
const KEPT: usize = 1024;

/// Answers for one issuer.
pub(super) struct Responder {
    signer: Issuer,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    /// The service's own TLS certificate, which stands in no table.
    own_serial: String,
    store: Store,
    places: Semaphore,
    at_work: Semaphore,
    kept: Mutex<HashMap<Vec<u8>, Kept>>,
}

/// An answer, encoded.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) der: Bytes,
    /// Whether it may serve another who asks the same.
    pub(super) reusable: bool,
}

#[derive(Debug, Clone)]
struct Kept {
    standings: Vec<Standing>,
    made_at: Timestamp,
    der: Bytes,
}

impl Responder {
    pub(super) fn new(
        signer: Issuer,
        issuer: &Certificate,
        own_serial: String,
        store: Store,
    ) -> der::Result<Self> {
        let key = &issuer.tbs_certificate.subject_public_key_info;
        Ok(Self {
            issuer_name: signer.name.to_der()?,
            issuer_key: key.subject_public_key.raw_bytes().to_vec(),
            own_serial,
            signer,
            store,
            places: Semaphore::new(PLACES),
            at_work: Semaphore::new(AT_WORK),
            kept: Mutex::new(HashMap::new()),
        })
    }

    /// The answer by what the store says now.
    pub(super) async fn answer(&self, question: Question) -> Result<Answer, StatusError> {
        let _place = self.places.try_acquire().map_err(|_| StatusError::Busy)?;
        let _at_work = self
            .at_work
            .acquire()
            .await
            .map_err(|_| StatusError::Busy)?;
        let standings = self.standings(&question.certificates).await?;
        let now = Timestamp::now();
        if question.nonce.is_some() {
            return Ok(Answer {
                der: self.sign(question, &standings, now, None).await?,
                reusable: false,
            });
        }
        let key = question.certificates.to_der()?;
        let mut kept = self.kept.lock().await;
        if let Some(found) = kept.get(&key)
            && found.standings == standings
            && found.made_at <= now
            && now < found.made_at.plus(GIVEN_AGAIN_FOR)
        {
            return Ok(Answer {
                der: found.der.clone(),
                reusable: true,
            });
        }
        let until = Some(now.plus(VALID_FOR));
        let der = self.sign(question, &standings, now, until).await?;
        // Serial numbers that nobody issued are without number; they are not worth a place.
        if !standings.contains(&Standing::Unknown) {
            if kept.len() >= KEPT {
                kept.clear();
            }
            let made_at = now;
            kept.insert(
                key,
                Kept {
                    standings,
                    made_at,
                    der: der.clone(),
                },
            );
        }
        Ok(Answer {
            der,
            reusable: true,
        })
    }

    async fn standings(&self, certificates: &[CertId]) -> Result<Vec<Standing>, StatusError> {
        let mut connection = self.store.reader().await?;
        let mut standings = Vec::with_capacity(certificates.len());
        for certificate in certificates {
            let serial = hex::encode(certificate.serial_number.as_bytes());
            standings.push(if !self.is_issuer_of(certificate) {
                Standing::Unknown
            } else if serial == self.own_serial {
                Standing::Good
            } else {
                Standing::of(&mut connection, &serial).await?
            });
        }
        Ok(standings)
    }

    fn is_issuer_of(&self, certificate: &CertId) -> bool {
        let hash: fn(&[u8]) -> Vec<u8> = match certificate.hash_algorithm.oid {
            ID_SHA_1 => |octets| Sha1::digest(octets).to_vec(),
            ID_SHA_256 => |octets| Sha256::digest(octets).to_vec(),
            ID_SHA_384 => |octets| Sha384::digest(octets).to_vec(),
            ID_SHA_512 => |octets| Sha512::digest(octets).to_vec(),
            _ => return false,
        };
        certificate.issuer_name_hash.as_bytes() == hash(&self.issuer_name)
            && certificate.issuer_key_hash.as_bytes() == hash(&self.issuer_key)
    }

    async fn sign(
        &self,
        question: Question,
        standings: &[Standing],
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Bytes, StatusError> {
        let this_update = OcspGeneralizedTime(general_time(now)?);
        let next_update = until.map(general_time).transpose()?;
        let mut responses = Vec::with_capacity(standings.len());
        for (cert_id, standing) in question.certificates.into_iter().zip(standings) {
            responses.push(SingleResponse {
                cert_id,
                cert_status: standing.to_ocsp()?,
                this_update,
                next_update: next_update.map(OcspGeneralizedTime),
                single_extensions: None,
            });
        }
        let tbs_response_data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByName(self.signer.name.clone()),
            produced_at: this_update,
            responses,
            response_extensions: question.nonce.map(|nonce| vec![nonce]),
        };
        let signature = self.signer.sign(&tbs_response_data.to_der()?).await?;
        let response = OcspResponse::successful(BasicOcspResponse {
            tbs_response_data,
            signature_algorithm: signature_algorithm(),
            signature,
            certs: None,
        })?;
        Ok(response.to_der()?.into())
    }
}
