//! A login: whether it was the person who was asked, for this relying party and this text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::status::Completed;
use super::{
    Asked, AskedOf, Callback, Certificate, CertificateLevel, FlowType, Interaction, Proven,
    Purpose, Rejected, RsaPublicKey, SessionStatus, SignatureAlgorithm, Verifier,
};

/// The protocol's name in the API and in what is signed.
const PROTOCOL: &str = "ACSP_V2";

/// A login that was asked for, every text being what was sent, octet by octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationRequest {
    /// Whom.
    pub whom: Asked,
    /// At least.
    pub level: CertificateLevel,
    /// With this.
    pub algorithm: SignatureAlgorithm,
    /// The relying party's name.
    pub relying_party_name: String,
    /// The name of whom it asks for, if it is a broker.
    pub brokered_relying_party_name: Option<String>,
    /// Base64.
    pub rp_challenge: String,
    /// Base64 of a JSON array.
    pub interactions: String,
    /// Where the browser was to be led back to.
    pub initial_callback_url: Option<String>,
    /// How a device may have come to it.
    pub flows: Vec<FlowType>,
}

impl AuthenticationRequest {
    /// What a person compares when the device was asked rather than led here: the last two octets
    /// of the challenge's SHA-256, modulo 10 000; `None` if the challenge is no Base64.
    pub fn verification_code(&self) -> Option<String> {
        let hash = Sha256::digest(STANDARD.decode(&self.rp_challenge).ok()?);
        let last = u16::from_be_bytes([*hash.get(30)?, *hash.get(31)?]);
        Some(format!("{:04}", last % 10_000))
    }

    fn payload(&self, scheme: &str, answer: &Answer<'_>) -> String {
        let brokered = self.brokered_relying_party_name.as_deref();
        let callback = match answer.flow_type.is_same_device() {
            true => self.initial_callback_url.as_deref().unwrap_or_default(),
            // Even where the session has one.
            false => "",
        };
        [
            scheme,
            PROTOCOL,
            answer.server_random,
            &self.rp_challenge,
            answer.user_challenge,
            &STANDARD.encode(&self.relying_party_name),
            &brokered
                .map(|name| STANDARD.encode(name))
                .unwrap_or_default(),
            &STANDARD.encode(Sha256::digest(&self.interactions)),
            answer.interaction,
            callback,
            answer.flow_type.name(),
        ]
        .join("|")
    }
}

impl Verifier {
    /// Whether an answer proves the login that was asked for. `callback` is what the browser came
    /// back with, which a login on the same machine needs; the caller has found it to be of this
    /// session ([`Callback::check_session`]) and of this browser.
    ///
    /// # Errors
    /// What was found first that is wrong.
    pub fn authentication(
        &self,
        request: &AuthenticationRequest,
        status: &SessionStatus,
        callback: Option<&Callback>,
        now: OffsetDateTime,
    ) -> Result<Proven, Rejected> {
        let completed = status.completed()?;
        completed.check_protocol(Some(PROTOCOL))?;
        let answer = Answer::of(&completed)?;
        check_flow(&request.flows, answer.flow_type)?;
        check_interaction(&request.interactions, answer.interaction)?;
        let signature = completed.signature()?;
        if signature.algorithm != request.algorithm {
            return Err(Rejected::NotAskedFor("signature.signatureAlgorithm"));
        }
        if answer.flow_type.is_same_device() {
            callback
                .ok_or(Rejected::CallbackWithout("userChallengeVerifier"))?
                .check_device(answer.user_challenge)?;
        }
        let asked = AskedOf {
            whom: &request.whom,
            level: request.level,
            answered_by: completed.document_number,
        };
        let (certificate, identity) =
            self.certificate(&completed.certificate, &asked, Purpose::Authentication, now)?;
        let payload = request.payload(&self.scheme_name, &answer);
        let digest = signature.algorithm.hash().digest(payload.as_bytes());
        key_of(&certificate)?.verify(signature.algorithm, &digest, &signature.value)?;
        Ok(Proven {
            identity,
            document_number: completed.document_number.to_owned(),
            level: completed.certificate.level,
            certificate: completed.certificate.der,
            signature: signature.value,
        })
    }
}

/// What the service and the device brought into a login's payload.
struct Answer<'a> {
    server_random: &'a str,
    user_challenge: &'a str,
    interaction: &'a str,
    flow_type: FlowType,
}

impl<'a> Answer<'a> {
    fn of(completed: &Completed<'a>) -> Result<Self, Rejected> {
        Ok(Self {
            server_random: completed.server_random()?,
            user_challenge: completed.user_challenge()?,
            interaction: completed.interaction()?,
            flow_type: completed.flow_type,
        })
    }
}

pub(super) fn key_of(certificate: &Certificate) -> Result<RsaPublicKey, Rejected> {
    RsaPublicKey::from_der(&certificate.public_key()?)
}

pub(super) fn check_flow(offered: &[FlowType], used: FlowType) -> Result<(), Rejected> {
    match offered.contains(&used) {
        true => Ok(()),
        false => Err(Rejected::NotAskedFor("signature.flowType")),
    }
}

/// Whether what was shown is one of what was to be shown.
pub(super) fn check_interaction(interactions: &str, used: &str) -> Result<(), Rejected> {
    #[derive(Deserialize)]
    struct One {
        r#type: String,
    }
    const FIELD: &str = "interactionTypeUsed";
    Interaction::named(used).ok_or(Rejected::Malformed(FIELD))?;
    let asked: Vec<One> = STANDARD
        .decode(interactions)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    match asked.iter().any(|one| one.r#type == used) {
        true => Ok(()),
        false => Err(Rejected::NotAskedFor(FIELD)),
    }
}
