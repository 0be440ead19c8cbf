//! A relying party, written from its side of the wire: it shares no code with what it talks to.
//! What it believes is decided by the example e-service's verifier, which SK's own demo environment
//! satisfies too; signatures over documents and chains are judged by openssl as well.

mod v2;

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use symbolon_e_service::verify::{
    Asked, AuthenticationRequest, Callback, Certificate, CertificateLevel, FlowType, Hash, Profile,
    SessionStatus, SignatureAlgorithm, SignatureRequest, Trust as Authorities, Verifier,
};
use time::OffsetDateTime;
use ureq::Agent;

use crate::openssl::{self, Trust};
pub use v2::{Signer, UnderWay, V2, Wish};

pub use symbolon_e_service::verify::Proven;

/// How a signature is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PSS with this hash, by its name in the API.
    Pss(&'static str),
    /// PKCS#1 v1.5 with SHA-2 of this many bits.
    Pkcs1(u16),
}

impl Algorithm {
    /// Everything that the API offers.
    pub const ALL: [Self; 9] = [
        Self::Pss("SHA-256"),
        Self::Pss("SHA-384"),
        Self::Pss("SHA-512"),
        Self::Pss("SHA3-256"),
        Self::Pss("SHA3-384"),
        Self::Pss("SHA3-512"),
        Self::Pkcs1(256),
        Self::Pkcs1(384),
        Self::Pkcs1(512),
    ];

    /// The hash's name for openssl.
    pub fn openssl_hash(self) -> String {
        match self {
            Self::Pss(hash) => hash.to_lowercase().replacen("sha-", "sha", 1),
            Self::Pkcs1(bits) => format!("sha{bits}"),
        }
    }

    /// Octets of salt; none for PKCS#1 v1.5.
    pub fn salt_length(self) -> usize {
        match self {
            Self::Pss(hash) => hash[hash.len() - 3..].parse::<usize>().unwrap() / 8,
            Self::Pkcs1(_) => 0,
        }
    }

    fn parameters(self) -> Value {
        match self {
            Self::Pss(hash) => json!({
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": {"hashAlgorithm": hash},
            }),
            Self::Pkcs1(bits) => json!({
                "signatureAlgorithm": format!("sha{bits}WithRSAEncryption"),
            }),
        }
    }

    fn asked(self) -> SignatureAlgorithm {
        match self {
            Self::Pss(name) => {
                let hash = Hash::ALL.into_iter().find(|hash| hash.name() == name);
                SignatureAlgorithm::Pss(hash.expect("a hash of the API"))
            }
            Self::Pkcs1(256) => SignatureAlgorithm::Pkcs1(Hash::Sha256),
            Self::Pkcs1(384) => SignatureAlgorithm::Pkcs1(Hash::Sha384),
            Self::Pkcs1(_) => SignatureAlgorithm::Pkcs1(Hash::Sha512),
        }
    }
}

/// Whom a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A person, on whichever of their devices: `etsi/PNOEE-…`.
    Person(String),
    /// One account: `document/PNOEE-…-XXXX-Q`.
    Document(String),
}

impl Target {
    fn path(&self) -> String {
        match self {
            Self::Person(identifier) => format!("etsi/{identifier}"),
            Self::Document(number) => format!("document/{number}"),
        }
    }

    fn asked(&self) -> Asked {
        match self {
            Self::Person(identifier) => Asked::Person(identifier.clone()),
            Self::Document(number) => Asked::Document(number.clone()),
        }
    }
}

/// A relying party that is registered with a service.
pub struct RelyingParty {
    base: String,
    uuid: String,
    name: String,
    agent: Agent,
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null if it was no JSON.
    pub body: Value,
}

/// A login under way.
pub struct Login {
    /// The session.
    pub session: String,
    /// What the relying party shows to the person, computed by itself.
    pub verification_code: String,
    /// What was asked.
    pub(crate) request: AuthenticationRequest,
}

/// A signature under way.
pub struct Signing {
    /// The session.
    pub session: String,
    /// What the relying party shows to the person, as the service drew it.
    pub verification_code: String,
    document: Vec<u8>,
    algorithm: Algorithm,
    request: SignatureRequest,
}

impl RelyingParty {
    /// One that reaches the service at `address` (`host:port`).
    pub fn new(address: &str, uuid: &str, name: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(130)))
            .build()
            .into();
        Self {
            base: format!("http://{address}/v3/"),
            uuid: uuid.into(),
            name: name.into(),
            agent,
        }
    }

    /// By which it names itself.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Sends any body to any path below `/v3/`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let sent = self
            .agent
            .post(format!("{}{path}", self.base))
            .send_json(body);
        Answer::from(sent.unwrap_or_else(|error| panic!("POST {path}: {error}")))
    }

    /// Sends octets that need not be JSON; `None` if the service hung up instead of answering.
    pub fn post_octets(&self, path: &str, body: &[u8]) -> Option<Answer> {
        let sent = self
            .agent
            .post(format!("{}{path}", self.base))
            .content_type("application/json")
            .send(body);
        sent.ok().map(Answer::from)
    }

    /// Gets any path below `/v3/`.
    pub fn get(&self, path: &str) -> Answer {
        let got = self.agent.get(format!("{}{path}", self.base)).call();
        Answer::from(got.unwrap_or_else(|error| panic!("GET {path}: {error}")))
    }

    /// The body of a login request, and the challenge in it.
    pub fn login_body(&self, algorithm: Algorithm, interactions: &Value) -> Value {
        let mut parameters = algorithm.parameters();
        parameters["rpChallenge"] = STANDARD.encode(random::<64>()).into();
        json!({
            "relyingPartyUUID": self.uuid,
            "relyingPartyName": self.name,
            "certificateLevel": "QUALIFIED",
            "signatureProtocol": "ACSP_V2",
            "signatureProtocolParameters": parameters,
            "interactions": STANDARD.encode(interactions.to_string()),
            "vcType": "numeric4",
        })
    }

    /// The body of a signature request for a document.
    pub fn signing_body(
        &self,
        document: &[u8],
        algorithm: Algorithm,
        interactions: &Value,
    ) -> Value {
        let mut parameters = algorithm.parameters();
        let digest = openssl::digest(&algorithm.openssl_hash(), document);
        parameters["digest"] = STANDARD.encode(digest).into();
        json!({
            "relyingPartyUUID": self.uuid,
            "relyingPartyName": self.name,
            "certificateLevel": "QUALIFIED",
            "signatureProtocol": "RAW_DIGEST_SIGNATURE",
            "signatureProtocolParameters": parameters,
            "interactions": STANDARD.encode(interactions.to_string()),
        })
    }

    /// Asks a person to log in, with a text shown beside the PIN.
    pub fn login(&self, target: &Target, algorithm: Algorithm, text: &str) -> Login {
        self.login_with(target, algorithm, &shown_with_pin(text))
    }

    /// Asks a person to log in, with interactions of one's own.
    pub fn login_with(&self, target: &Target, algorithm: Algorithm, interactions: &Value) -> Login {
        let body = self.login_body(algorithm, interactions);
        let path = format!("authentication/notification/{}", target.path());
        let answer = self.post(&path, &body).must_be(200);
        self.login_under_way(target.asked(), algorithm, &body, &answer)
    }

    /// A login of which `answer` says that it began.
    pub(crate) fn login_under_way(
        &self,
        whom: Asked,
        algorithm: Algorithm,
        body: &Value,
        answer: &Value,
    ) -> Login {
        let callback = body["initialCallbackUrl"].as_str();
        let request = AuthenticationRequest {
            whom,
            level: CertificateLevel::Qualified,
            algorithm: algorithm.asked(),
            relying_party_name: self.name.clone(),
            brokered_relying_party_name: None,
            rp_challenge: text_at(&body["signatureProtocolParameters"], "rpChallenge"),
            interactions: text_at(body, "interactions"),
            initial_callback_url: callback.map(str::to_owned),
            flows: match body["vcType"].is_string() {
                true => vec![FlowType::Notification],
                false => vec![FlowType::Qr, FlowType::Web2App],
            },
        };
        Login {
            session: text_at(answer, "sessionID"),
            verification_code: request.verification_code().expect("a challenge"),
            request,
        }
    }

    /// Asks a person to sign a document, with a text shown beside the PIN.
    pub fn sign(
        &self,
        target: &Target,
        algorithm: Algorithm,
        document: &[u8],
        text: &str,
    ) -> Signing {
        self.sign_with(target, algorithm, document, &shown_with_pin(text))
    }

    /// Asks a person to sign a document, with interactions of one's own.
    pub fn sign_with(
        &self,
        target: &Target,
        algorithm: Algorithm,
        document: &[u8],
        interactions: &Value,
    ) -> Signing {
        let body = self.signing_body(document, algorithm, interactions);
        let path = format!("signature/notification/{}", target.path());
        let answer = self.post(&path, &body).must_be(200);
        let code = text_at(&answer["vc"], "value");
        signing_under_way(target.asked(), algorithm, document, &body, (&answer, code))
    }

    /// Asks for the signature that a certificate choice announced.
    pub fn sign_linked(
        &self,
        document_number: &str,
        choice: &str,
        algorithm: Algorithm,
        document: &[u8],
    ) -> Result<Signing, Answer> {
        let text = shown_with_pin("Sign what you chose?");
        let mut body = self.signing_body(document, algorithm, &text);
        body["linkedSessionID"] = choice.into();
        let path = format!("signature/notification/linked/{document_number}");
        let answer = self.post(&path, &body);
        if answer.status != 200 {
            return Err(answer);
        }
        assert_eq!(answer.body["vc"], Value::Null, "nothing to compare");
        let whom = Asked::Document(document_number.into());
        let opened = (&answer.body, String::new());
        Ok(signing_under_way(whom, algorithm, document, &body, opened))
    }

    /// Asks for the signing certificate of a person, and returns the session.
    pub fn ask_certificate(&self, person: &str) -> String {
        let path = format!("signature/certificate-choice/notification/etsi/{person}");
        let answer = self.post(&path, &self.named()).must_be(200);
        text_at(&answer, "sessionID")
    }

    /// The body of a request that says no more than who asks.
    pub fn named(&self) -> Value {
        json!({"relyingPartyUUID": self.uuid, "relyingPartyName": self.name})
    }

    /// The signing certificate of an account.
    pub fn certificate(&self, document_number: &str) -> Answer {
        let path = format!("signature/certificate/{document_number}");
        self.post(&path, &self.named())
    }

    /// One poll of a session.
    pub fn poll(&self, session: &str, wait: Duration) -> Answer {
        let milliseconds = wait.as_millis().max(1000);
        self.get(&format!("session/{session}?timeoutMs={milliseconds}"))
    }

    /// Polls until the session is complete, and returns its last status.
    pub fn wait(&self, session: &str, limit: Duration) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.poll(session, Duration::from_secs(10)).must_be(200);
            if status["state"] == "COMPLETE" {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "session {session} did not complete within {limit:?}: {status}"
            );
        }
    }

    /// Whether the session is undecided.
    pub fn is_running(&self, session: &str) -> bool {
        let status = self.poll(session, Duration::from_secs(1)).must_be(200);
        status["state"] == "RUNNING"
    }
}

impl Login {
    /// Checks a complete session as a careful relying party does.
    pub fn verify(&self, status: &Value, scheme: &str, trust: &Trust) -> Result<Proven, String> {
        self.verify_with(status, scheme, trust, None)
    }

    /// The same for a browser that came back.
    pub(crate) fn verify_with(
        &self,
        status: &Value,
        scheme: &str,
        trust: &Trust,
        callback: Option<&Callback>,
    ) -> Result<Proven, String> {
        let now = OffsetDateTime::now_utc();
        let proven = verifier(trust, scheme)
            .authentication(&self.request, &parsed(status), callback, now)
            .map_err(|rejected| rejected.to_string())?;
        openssl::verify_chain(trust, &proven.certificate)?;
        Ok(proven)
    }
}

impl Signing {
    /// Checks a complete session, and the signature over the document by openssl too.
    pub fn verify(&self, status: &Value, trust: &Trust) -> Result<Proven, String> {
        // No scheme is signed here.
        let proven = verifier(trust, "")
            .signature(&self.request, &parsed(status), OffsetDateTime::now_utc())
            .map_err(|rejected| rejected.to_string())?;
        openssl::verify_signature(
            &proven.certificate,
            self.algorithm,
            &self.document,
            &proven.signature,
        )?;
        openssl::verify_chain(trust, &proven.certificate)?;
        Ok(proven)
    }
}

fn signing_under_way(
    whom: Asked,
    algorithm: Algorithm,
    document: &[u8],
    body: &Value,
    (answer, verification_code): (&Value, String),
) -> Signing {
    let digest = text_at(&body["signatureProtocolParameters"], "digest");
    Signing {
        session: text_at(answer, "sessionID"),
        verification_code,
        document: document.into(),
        algorithm,
        request: SignatureRequest {
            whom,
            level: CertificateLevel::Qualified,
            algorithm: algorithm.asked(),
            digest: STANDARD.decode(digest).unwrap(),
            interactions: text_at(body, "interactions"),
            flows: vec![FlowType::Notification],
        },
    }
}

fn verifier(trust: &Trust, scheme: &str) -> Verifier {
    let read = |path| Certificate::all_in_pem(&std::fs::read(path).unwrap()).unwrap();
    Verifier {
        trust: Authorities::new(read(&trust.root), read(&trust.issuing)).unwrap(),
        profile: Profile::smart_id(),
        scheme_name: scheme.into(),
    }
}

fn parsed(status: &Value) -> SessionStatus {
    SessionStatus::parse(status.to_string().as_bytes()).unwrap()
}

impl Answer {
    /// The body, if the status is this one.
    ///
    /// # Panics
    /// If it is not.
    pub fn must_be(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl From<ureq::http::Response<ureq::Body>> for Answer {
    fn from(mut response: ureq::http::Response<ureq::Body>) -> Self {
        Self {
            status: response.status().as_u16(),
            body: response.body_mut().read_json().unwrap_or_default(),
        }
    }
}

/// A text beside the PIN.
pub fn shown_with_pin(text: &str) -> Value {
    json!([{"type": "displayTextAndPIN", "displayText60": text}])
}

/// A text and a choice of three verification codes before the PIN.
pub fn shown_with_choice(text: &str) -> Value {
    json!([{"type": "confirmationMessageAndVerificationCodeChoice", "displayText200": text}])
}

pub(crate) fn text_at(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no {name} in {value}"))
        .into()
}

fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).unwrap();
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_algorithms_for_openssl() {
        let names: Vec<_> = Algorithm::ALL
            .iter()
            .map(|algorithm| (algorithm.openssl_hash(), algorithm.salt_length()))
            .collect();
        assert_eq!(names[0], ("sha256".into(), 32));
        assert_eq!(names[5], ("sha3-512".into(), 64));
        assert_eq!(names[8], ("sha512".into(), 0));
    }
}
