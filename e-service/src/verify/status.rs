//! What a service answers when it is asked how a session stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::algorithm::StatedParameters;
use super::{EndResult, Rejected, SignatureAlgorithm};

/// The level of a certificate, as asked for or as stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateLevel {
    /// `ADVANCED`.
    Advanced,
    /// `QUALIFIED`.
    Qualified,
    /// `QSCD`: qualified, with the key in a qualified device. Only ever asked for.
    Qscd,
}

/// How a device came to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowType {
    /// By a picture.
    Qr,
    /// By a link from an app on the same machine.
    App2App,
    /// By a link from a browser on the same machine.
    Web2App,
    /// It was asked.
    Notification,
}

/// An answer that could be read. Nothing about it has been checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    state: String,
    result: Option<SessionResult>,
    signature_protocol: Option<String>,
    signature: Option<Signature>,
    cert: Option<Certificate>,
    interaction_type_used: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionResult {
    end_result: Option<String>,
    document_number: Option<String>,
    details: Option<Details>,
}

#[derive(Debug, Clone, Deserialize)]
struct Details {
    interaction: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    value: Option<String>,
    server_random: Option<String>,
    user_challenge: Option<String>,
    flow_type: Option<String>,
    signature_algorithm: Option<String>,
    signature_algorithm_parameters: Option<StatedParameters>,
}

/// A certificate beside its level, as the API carries them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Certificate {
    value: Option<String>,
    certificate_level: Option<String>,
}

/// A certificate and the level that it is said to have.
pub(super) struct StatedCertificate {
    pub(super) level: CertificateLevel,
    pub(super) der: Vec<u8>,
}

/// What a session that ended well says, each part being there and well-formed.
pub(super) struct Completed<'a> {
    pub(super) document_number: &'a str,
    pub(super) certificate: StatedCertificate,
    pub(super) flow_type: FlowType,
    status: &'a SessionStatus,
    signature: &'a Signature,
}

/// The signature of a session that ended well.
pub(super) struct StatedSignature {
    pub(super) value: Vec<u8>,
    pub(super) algorithm: SignatureAlgorithm,
}

impl CertificateLevel {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advanced => "ADVANCED",
            Self::Qualified => "QUALIFIED",
            Self::Qscd => "QSCD",
        }
    }

    /// The least that a certificate must state where this was asked for.
    pub(super) fn at_least(self) -> Self {
        self.min(Self::Qualified)
    }
}

impl FlowType {
    /// Its name in the API, which is signed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qr => "QR",
            Self::App2App => "App2App",
            Self::Web2App => "Web2App",
            Self::Notification => "Notification",
        }
    }

    /// Whether a browser is led back at the end.
    pub fn is_same_device(self) -> bool {
        matches!(self, Self::App2App | Self::Web2App)
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Qr, Self::App2App, Self::Web2App, Self::Notification]
            .into_iter()
            .find(|flow| flow.name() == name)
    }
}

impl SessionStatus {
    /// Reads an answer's body.
    ///
    /// # Errors
    /// [`Rejected::Unreadable`] if it is not JSON, or a field has another type than it must.
    pub fn parse(body: &[u8]) -> Result<Self, Rejected> {
        serde_json::from_slice(body).map_err(|error| Rejected::Unreadable(error.to_string()))
    }

    /// Whether it is to be asked again.
    pub fn is_running(&self) -> bool {
        self.state == "RUNNING"
    }

    /// How a device came to the session, as far as the answer says so.
    pub fn flow_type(&self) -> Option<FlowType> {
        let name = self.signature.as_ref()?.flow_type.as_deref()?;
        FlowType::named(name)
    }

    /// What every session that ended well has.
    pub(super) fn completed(&self) -> Result<Completed<'_>, Rejected> {
        match self.state.as_str() {
            "COMPLETE" => {}
            "RUNNING" => return Err(Rejected::Running),
            _ => return Err(Rejected::Malformed("state")),
        }
        let result = self.result.as_ref().ok_or(Rejected::Missing("result"))?;
        let details = result.details.as_ref();
        EndResult::check(
            there(result.end_result.as_deref(), "result.endResult")?,
            details.and_then(|details| details.interaction.as_deref()),
        )?;
        let signature = self
            .signature
            .as_ref()
            .ok_or(Rejected::Missing("signature"))?;
        let flow_type = there(signature.flow_type.as_deref(), "signature.flowType")?;
        Ok(Completed {
            document_number: there(result.document_number.as_deref(), "result.documentNumber")?,
            certificate: stated(self.cert.as_ref())?,
            flow_type: FlowType::named(flow_type)
                .ok_or(Rejected::Malformed("signature.flowType"))?,
            status: self,
            signature,
        })
    }
}

impl<'a> Completed<'a> {
    /// Whether the session was of this protocol; `None` is a choice of certificates.
    pub(super) fn check_protocol(&self, expected: Option<&str>) -> Result<(), Rejected> {
        match (self.status.signature_protocol.as_deref(), expected) {
            (stated, expected) if stated == expected => Ok(()),
            (None, Some(_)) => Err(Rejected::Missing("signatureProtocol")),
            _ => Err(Rejected::NotAskedFor("signatureProtocol")),
        }
    }

    /// Which of the interactions was shown.
    pub(super) fn interaction(&self) -> Result<&'a str, Rejected> {
        let used = self.status.interaction_type_used.as_deref();
        there(used, "interactionTypeUsed")
    }

    /// The signature.
    pub(super) fn signature(&self) -> Result<StatedSignature, Rejected> {
        const VALUE: &str = "signature.value";
        let value = there(self.signature.value.as_deref(), VALUE)?;
        Ok(StatedSignature {
            value: octets(value, VALUE)?,
            algorithm: SignatureAlgorithm::stated(
                self.signature.signature_algorithm.as_deref(),
                self.signature.signature_algorithm_parameters.as_ref(),
            )?,
        })
    }

    /// The service's part of a login's payload.
    pub(super) fn server_random(&self) -> Result<&'a str, Rejected> {
        const FIELD: &str = "signature.serverRandom";
        let random = there(self.signature.server_random.as_deref(), FIELD)?;
        octets(random, FIELD)?;
        match random.len() >= 24 {
            true => Ok(random),
            false => Err(Rejected::Malformed(FIELD)),
        }
    }

    /// The device's part of a login's payload: a digest, whether or not there is a browser to
    /// bring back what it is the digest of.
    pub(super) fn user_challenge(&self) -> Result<&'a str, Rejected> {
        const FIELD: &str = "signature.userChallenge";
        let challenge = there(self.signature.user_challenge.as_deref(), FIELD)?;
        let fits = challenge.len() == 43
            && challenge
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_');
        match fits {
            true => Ok(challenge),
            false => Err(Rejected::Malformed(FIELD)),
        }
    }
}

/// Reads a certificate and its level.
pub(super) fn stated(certificate: Option<&Certificate>) -> Result<StatedCertificate, Rejected> {
    let certificate = certificate.ok_or(Rejected::Missing("cert"))?;
    let value = there(certificate.value.as_deref(), "cert.value")?;
    let level = there(
        certificate.certificate_level.as_deref(),
        "cert.certificateLevel",
    )?;
    Ok(StatedCertificate {
        der: octets(value, "cert.value")?,
        level: match level {
            "ADVANCED" => CertificateLevel::Advanced,
            "QUALIFIED" => CertificateLevel::Qualified,
            _ => return Err(Rejected::Malformed("cert.certificateLevel")),
        },
    })
}

fn there<'a>(value: Option<&'a str>, field: &'static str) -> Result<&'a str, Rejected> {
    value
        .filter(|value| !value.is_empty())
        .ok_or(Rejected::Missing(field))
}

fn octets(text: &str, field: &'static str) -> Result<Vec<u8>, Rejected> {
    STANDARD
        .decode(text)
        .map_err(|_| Rejected::Malformed(field))
}
