//! What is asked of the co-signing service, beside what will have to be true of the answer.

mod client;
mod ocsp;

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

pub use client::{ApiError, Transport};
pub use ocsp::Responder;

use crate::config::RelyingParty;
use crate::link::LinkSession;
use crate::random;
use crate::verify::{
    Asked, AuthenticationRequest, CertificateByDocument, CertificateLevel, FlowType, Hash,
    SessionStatus, SignatureAlgorithm, SignatureRequest,
};

/// How logins are signed.
const LOGIN: SignatureAlgorithm = SignatureAlgorithm::Pss(Hash::Sha512);

/// The co-signing service, as this relying party sees it.
#[derive(Clone)]
pub struct Api {
    transport: Transport,
    party: RelyingParty,
}

/// A login under way.
pub struct Login {
    /// The session.
    pub session: String,
    /// What was asked.
    pub request: AuthenticationRequest,
}

/// A signature under way.
pub struct Signing {
    /// The session.
    pub session: String,
    /// What was asked.
    pub request: SignatureRequest,
    /// What the person compares.
    pub verification_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    #[serde(rename = "sessionID")]
    session_id: String,
    session_token: Option<String>,
    session_secret: Option<String>,
    device_link_base: Option<String>,
    vc: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    r#type: String,
    value: String,
}

impl Api {
    /// For this relying party.
    pub fn new(transport: Transport, party: RelyingParty) -> Self {
        Self { transport, party }
    }

    /// Who we are.
    pub fn relying_party(&self) -> &RelyingParty {
        &self.party
    }

    /// Asks a person to log in.
    ///
    /// # Errors
    /// If the service does not take it.
    pub async fn log_in(&self, person: &str, text: &str) -> Result<Login, ApiError> {
        let request = self.login(
            Asked::Person(person.to_owned()),
            text,
            vec![FlowType::Notification],
        )?;
        let mut body = self.login_body(&request);
        body["vcType"] = "numeric4".into();
        let path = format!("authentication/notification/etsi/{person}");
        Ok(Login {
            session: self.begin(&path, &body).await?.session_id,
            request,
        })
    }

    /// Begins a login by whoever opens the link.
    ///
    /// # Errors
    /// If the service does not take it.
    pub async fn log_in_by_link(
        &self,
        text: &str,
        callback: Option<String>,
    ) -> Result<(Login, LinkSession), ApiError> {
        let flows = match callback {
            Some(_) => vec![FlowType::Qr, FlowType::Web2App],
            None => vec![FlowType::Qr],
        };
        let mut request = self.login(Asked::Anyone, text, flows)?;
        let mut body = self.login_body(&request);
        if let Some(callback) = &callback {
            body["initialCallbackUrl"] = callback.as_str().into();
        }
        request.initial_callback_url = callback;
        let begun = self
            .begin("authentication/device-link/anonymous", &body)
            .await?;
        let secret = begun.session_secret.ok_or(ApiError::Unreadable)?;
        let link = LinkSession {
            base: begun.device_link_base.ok_or(ApiError::Unreadable)?,
            token: begun.session_token.ok_or(ApiError::Unreadable)?,
            secret: STANDARD.decode(secret).map_err(|_| ApiError::Unreadable)?,
            received: Instant::now(),
        };
        let session = begun.session_id;
        Ok((Login { session, request }, link))
    }

    /// Asks an account to sign something with this digest.
    ///
    /// # Errors
    /// If the service does not take it.
    pub async fn sign(
        &self,
        document_number: &str,
        algorithm: SignatureAlgorithm,
        digest: Vec<u8>,
        text: &str,
    ) -> Result<Signing, ApiError> {
        let interactions = json!([
            {"type": "confirmationMessage", "displayText200": shortened(text, 200)},
            {"type": "displayTextAndPIN", "displayText60": shortened(text, 60)},
        ]);
        let interactions = STANDARD.encode(interactions.to_string());
        let mut parameters = parameters(algorithm);
        parameters["digest"] = STANDARD.encode(&digest).into();
        let mut body = self.body();
        body["signatureProtocol"] = "RAW_DIGEST_SIGNATURE".into();
        body["signatureProtocolParameters"] = parameters;
        body["interactions"] = interactions.as_str().into();
        let path = format!("signature/notification/document/{document_number}");
        let begun = self.begin(&path, &body).await?;
        let code = begun.vc.ok_or(ApiError::Unreadable)?;
        let fits = code.r#type == "numeric4"
            && code.value.len() == 4
            && code.value.bytes().all(|digit| digit.is_ascii_digit());
        if !fits {
            return Err(ApiError::Unreadable);
        }
        Ok(Signing {
            session: begun.session_id,
            request: SignatureRequest {
                whom: Asked::Document(document_number.to_owned()),
                level: CertificateLevel::Qualified,
                algorithm,
                digest,
                interactions,
                flows: vec![FlowType::Notification],
            },
            verification_code: code.value,
        })
    }

    /// The certificate that an account signs with.
    ///
    /// # Errors
    /// If the service does not take it.
    pub async fn certificate(
        &self,
        document_number: &str,
    ) -> Result<CertificateByDocument, ApiError> {
        let path = format!("signature/certificate/{document_number}");
        let answer = self.transport.post(&path, &self.body()).await?;
        CertificateByDocument::parse(&answer).map_err(|_| ApiError::Unreadable)
    }

    /// Waits for a session's end.
    ///
    /// # Errors
    /// If the service does not answer any more.
    pub async fn end_of(&self, session: &str) -> Result<SessionStatus, ApiError> {
        loop {
            let answer = self.transport.poll(session).await?;
            let status = SessionStatus::parse(&answer).map_err(|_| ApiError::Unreadable)?;
            if !status.is_running() {
                return Ok(status);
            }
        }
    }

    async fn begin(&self, path: &str, body: &Value) -> Result<Begun, ApiError> {
        let answer = self.transport.post(path, body).await?;
        serde_json::from_slice(&answer).map_err(|_| ApiError::Unreadable)
    }

    fn body(&self) -> Value {
        json!({
            "relyingPartyUUID": self.party.uuid,
            "relyingPartyName": self.party.name,
            "certificateLevel": CertificateLevel::Qualified.name(),
        })
    }

    fn login(
        &self,
        whom: Asked,
        text: &str,
        flows: Vec<FlowType>,
    ) -> Result<AuthenticationRequest, ApiError> {
        let interactions =
            json!([{"type": "displayTextAndPIN", "displayText60": shortened(text, 60)}]);
        Ok(AuthenticationRequest {
            whom,
            level: CertificateLevel::Qualified,
            algorithm: LOGIN,
            relying_party_name: self.party.name.clone(),
            brokered_relying_party_name: None,
            rp_challenge: random::challenge()?,
            interactions: STANDARD.encode(interactions.to_string()),
            initial_callback_url: None,
            flows,
        })
    }

    fn login_body(&self, request: &AuthenticationRequest) -> Value {
        let mut parameters = parameters(request.algorithm);
        parameters["rpChallenge"] = request.rp_challenge.as_str().into();
        let mut body = self.body();
        body["signatureProtocol"] = "ACSP_V2".into();
        body["signatureProtocolParameters"] = parameters;
        body["interactions"] = request.interactions.as_str().into();
        body
    }
}

fn parameters(algorithm: SignatureAlgorithm) -> Value {
    match algorithm {
        SignatureAlgorithm::Pss(hash) => json!({
            "signatureAlgorithm": algorithm.name(),
            "signatureAlgorithmParameters": {"hashAlgorithm": hash.name()},
        }),
        SignatureAlgorithm::Pkcs1(_) => json!({"signatureAlgorithm": algorithm.name()}),
    }
}

fn shortened(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}
