//! A signature over a digest, and the certificates that are asked for before one.

use serde::Deserialize;
use time::OffsetDateTime;

use super::authentication::{check_flow, check_interaction, key_of};
use super::status::{self, StatedCertificate};
use super::{
    Asked, AskedOf, CertificateLevel, FlowType, Proven, Purpose, Rejected, SessionStatus,
    SignatureAlgorithm, Verifier,
};

/// A signature that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRequest {
    /// Whose.
    pub whom: Asked,
    /// At least.
    pub level: CertificateLevel,
    /// With this.
    pub algorithm: SignatureAlgorithm,
    /// Of what is signed, by the algorithm's hash.
    pub digest: Vec<u8>,
    /// Base64 of a JSON array, as it was sent.
    pub interactions: String,
    /// How a device may have come to it.
    pub flows: Vec<FlowType>,
}

/// A choice of a certificate that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateChoiceRequest {
    /// Whose.
    pub whom: Asked,
    /// At least.
    pub level: CertificateLevel,
    /// How a device may have come to it.
    pub flows: Vec<FlowType>,
}

/// The answer to a request for the certificate of an account that is known.
#[derive(Debug, Clone, Deserialize)]
pub struct CertificateByDocument {
    state: String,
    cert: Option<status::Certificate>,
}

impl Verifier {
    /// Whether an answer is the signature that was asked for.
    ///
    /// # Errors
    /// What was found first that is wrong.
    pub fn signature(
        &self,
        request: &SignatureRequest,
        status: &SessionStatus,
        now: OffsetDateTime,
    ) -> Result<Proven, Rejected> {
        let completed = status.completed()?;
        completed.check_protocol(Some("RAW_DIGEST_SIGNATURE"))?;
        check_flow(&request.flows, completed.flow_type)?;
        check_interaction(&request.interactions, completed.interaction()?)?;
        let signature = completed.signature()?;
        if signature.algorithm != request.algorithm {
            return Err(Rejected::NotAskedFor("signature.signatureAlgorithm"));
        }
        let asked = AskedOf {
            whom: &request.whom,
            level: request.level,
            answered_by: completed.document_number,
        };
        let (certificate, identity) =
            self.certificate(&completed.certificate, &asked, Purpose::Signing, now)?;
        key_of(&certificate)?.verify(signature.algorithm, &request.digest, &signature.value)?;
        Ok(Proven {
            identity,
            document_number: completed.document_number.to_owned(),
            level: completed.certificate.level,
            certificate: completed.certificate.der,
            signature: signature.value,
        })
    }

    /// Whether an answer is a certificate as it was asked for. Who chose it is proven by nothing
    /// but the signature that is to follow.
    ///
    /// # Errors
    /// What was found first that is wrong.
    pub fn certificate_choice(
        &self,
        request: &CertificateChoiceRequest,
        status: &SessionStatus,
        now: OffsetDateTime,
    ) -> Result<Proven, Rejected> {
        let completed = status.completed()?;
        completed.check_protocol(None)?;
        check_flow(&request.flows, completed.flow_type)?;
        let asked = AskedOf {
            whom: &request.whom,
            level: request.level,
            answered_by: completed.document_number,
        };
        self.signing_certificate(completed.certificate, &asked, now)
    }

    /// Whether an answer is the signing certificate of this account.
    ///
    /// # Errors
    /// What was found first that is wrong.
    pub fn certificate_by_document(
        &self,
        document_number: &str,
        level: CertificateLevel,
        answer: &CertificateByDocument,
        now: OffsetDateTime,
    ) -> Result<Proven, Rejected> {
        match answer.state.as_str() {
            "OK" => {}
            "DOCUMENT_UNUSABLE" => return Err(Rejected::DocumentUnusable),
            _ => return Err(Rejected::Malformed("state")),
        }
        let asked = AskedOf {
            whom: &Asked::Document(document_number.to_owned()),
            level,
            answered_by: document_number,
        };
        self.signing_certificate(status::stated(answer.cert.as_ref())?, &asked, now)
    }

    fn signing_certificate(
        &self,
        stated: StatedCertificate,
        asked: &AskedOf<'_>,
        now: OffsetDateTime,
    ) -> Result<Proven, Rejected> {
        let (_, identity) = self.certificate(&stated, asked, Purpose::Signing, now)?;
        Ok(Proven {
            identity,
            document_number: asked.answered_by.to_owned(),
            level: stated.level,
            certificate: stated.der,
            signature: Vec::new(),
        })
    }
}

impl CertificateByDocument {
    /// Reads an answer's body.
    ///
    /// # Errors
    /// [`Rejected::Unreadable`].
    pub fn parse(body: &[u8]) -> Result<Self, Rejected> {
        serde_json::from_slice(body).map_err(|error| Rejected::Unreadable(error.to_string()))
    }
}
