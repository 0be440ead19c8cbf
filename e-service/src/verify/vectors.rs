//! What SK's demo environment answered (`vectors/sk-demo.toml`), put together again.

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{
    Asked, AuthenticationRequest, Certificate, CertificateLevel, FlowType, Hash, Profile,
    SessionStatus, SignatureAlgorithm, SignatureRequest, Trust, Verifier,
};

/// When all of them are valid.
pub(super) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// The account of most of them.
pub(super) const ACCOUNT: &str = "PNOEE-40504040001-DEM0-Q";

/// Everything that was typed.
#[derive(Deserialize)]
pub(super) struct Vectors {
    pub(super) certificates: Certificates,
    pub(super) authentication_pss: Login,
    pub(super) authentication_pkcs1: Login,
    pub(super) authentication_by_link: LinkLogin,
    pub(super) signature_pss_sha512: Signed,
    pub(super) signature_pkcs1_sha512: Signed,
    pub(super) signature_xades: Xades,
}

#[derive(Deserialize)]
pub(super) struct Certificates {
    pub(super) root: Base64,
    pub(super) eid_q: Base64,
    pub(super) eid_nq: Base64,
    pub(super) authentication: Base64,
    pub(super) authentication_by_link: Base64,
    pub(super) signing: Base64,
    pub(super) legacy_authentication: Base64,
    pub(super) latvian_legacy: Base64,
}

#[derive(Deserialize)]
pub(super) struct Login {
    rp_challenge: String,
    interactions: String,
    server_random: String,
    user_challenge: String,
    document_number: String,
    signature: Base64,
}

#[derive(Deserialize)]
pub(super) struct LinkLogin {
    server_random: String,
    pub(super) user_challenge: String,
    document_number: String,
    pub(super) session_secret: String,
    pub(super) session_secret_digest: String,
    pub(super) user_challenge_verifier: String,
    signature: Base64,
}

#[derive(Deserialize)]
pub(super) struct Signed {
    document: String,
    signature: Base64,
}

#[derive(Deserialize)]
pub(super) struct Xades {
    pub(super) public_key: Base64,
    pub(super) signed_info: Base64,
    pub(super) signature: Base64,
}

/// Octets that stand in Base64 with white space.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Base64(String);

impl From<String> for Base64 {
    fn from(text: String) -> Self {
        Self(text.split_whitespace().collect())
    }
}

impl Base64 {
    pub(super) fn octets(&self) -> Vec<u8> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD
            .decode(&self.0)
            .unwrap()
    }

    pub(super) fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.octets()).unwrap()
    }
}

impl Vectors {
    pub(super) fn read() -> Self {
        toml::from_str(include_str!("../../vectors/sk-demo.toml")).unwrap()
    }

    pub(super) fn verifier(&self) -> Verifier {
        let known = &self.certificates;
        Verifier {
            trust: Trust::new(
                vec![known.root.certificate()],
                vec![known.eid_q.certificate(), known.eid_nq.certificate()],
            )
            .unwrap(),
            profile: Profile::smart_id(),
            scheme_name: "smart-id-demo".into(),
        }
    }

    /// A login with RSASSA-PSS, and what was answered to it.
    pub(super) fn pss_login(&self) -> (AuthenticationRequest, Value) {
        let login = &self.authentication_pss;
        let answer = login.answer(&self.certificates.authentication, &pss("SHA-256", 32));
        (login.request(SignatureAlgorithm::Pss(Hash::Sha256)), answer)
    }

    /// A login with PKCS#1 v1.5.
    pub(super) fn pkcs1_login(&self) -> (AuthenticationRequest, Value) {
        let login = &self.authentication_pkcs1;
        let algorithm = json!({"signatureAlgorithm": "sha256WithRSAEncryption"});
        let answer = login.answer(&self.certificates.authentication, &algorithm);
        (
            login.request(SignatureAlgorithm::Pkcs1(Hash::Sha256)),
            answer,
        )
    }

    /// A login by link, whose challenge is not known: everything but its signature can be checked.
    pub(super) fn link_login(&self) -> (AuthenticationRequest, Value) {
        let login = &self.authentication_by_link;
        let like = Login {
            rp_challenge: self.authentication_pss.rp_challenge.clone(),
            interactions: self.authentication_pss.interactions.clone(),
            server_random: login.server_random.clone(),
            user_challenge: login.user_challenge.clone(),
            document_number: login.document_number.clone(),
            signature: Base64(login.signature.0.clone()),
        };
        let mut request = like.request(SignatureAlgorithm::Pss(Hash::Sha512));
        request.whom = Asked::Anyone;
        request.initial_callback_url = Some("https://rp.example.com/callback".into());
        request.flows = vec![FlowType::Qr, FlowType::Web2App];
        let certificate = &self.certificates.authentication_by_link;
        let mut answer = like.answer(certificate, &pss("SHA-512", 64));
        answer["signature"]["flowType"] = "Web2App".into();
        (request, answer)
    }

    /// A signature with RSASSA-PSS.
    pub(super) fn pss_signature(&self) -> (SignatureRequest, Value) {
        self.signature(
            &self.signature_pss_sha512,
            SignatureAlgorithm::Pss(Hash::Sha512),
            &pss("SHA-512", 64),
        )
    }

    /// A signature with PKCS#1 v1.5.
    pub(super) fn pkcs1_signature(&self) -> (SignatureRequest, Value) {
        self.signature(
            &self.signature_pkcs1_sha512,
            SignatureAlgorithm::Pkcs1(Hash::Sha512),
            &json!({"signatureAlgorithm": "sha512WithRSAEncryption"}),
        )
    }

    fn signature(
        &self,
        signed: &Signed,
        algorithm: SignatureAlgorithm,
        stated: &Value,
    ) -> (SignatureRequest, Value) {
        let request = SignatureRequest {
            whom: Asked::Document(ACCOUNT.into()),
            level: CertificateLevel::Qualified,
            algorithm,
            digest: algorithm.hash().digest(signed.document.as_bytes()),
            interactions: self.authentication_pss.interactions.clone(),
            flows: vec![FlowType::Notification],
        };
        let mut answer = json!({
            "state": "COMPLETE",
            "result": {"endResult": "OK", "documentNumber": ACCOUNT},
            "signatureProtocol": "RAW_DIGEST_SIGNATURE",
            "signature": {"value": signed.signature.0, "flowType": "Notification"},
            "cert": {"value": self.certificates.signing.0, "certificateLevel": "QUALIFIED"},
            "interactionTypeUsed": "displayTextAndPIN",
        });
        add(&mut answer["signature"], stated);
        (request, answer)
    }
}

impl Login {
    fn request(&self, algorithm: SignatureAlgorithm) -> AuthenticationRequest {
        AuthenticationRequest {
            whom: Asked::Document(self.document_number.clone()),
            level: CertificateLevel::Qualified,
            algorithm,
            relying_party_name: "DEMO".into(),
            brokered_relying_party_name: None,
            rp_challenge: self.rp_challenge.clone(),
            interactions: self.interactions.clone(),
            initial_callback_url: None,
            flows: vec![FlowType::Notification],
        }
    }

    fn answer(&self, certificate: &Base64, stated: &Value) -> Value {
        let mut answer = json!({
            "state": "COMPLETE",
            "result": {"endResult": "OK", "documentNumber": self.document_number},
            "signatureProtocol": "ACSP_V2",
            "signature": {
                "value": self.signature.0,
                "serverRandom": self.server_random,
                "userChallenge": self.user_challenge,
                "flowType": "Notification",
            },
            "cert": {"value": certificate.0, "certificateLevel": "QUALIFIED"},
            "interactionTypeUsed": "displayTextAndPIN",
        });
        add(&mut answer["signature"], stated);
        answer
    }
}

/// What an answer states of RSASSA-PSS.
pub(super) fn pss(hash: &str, salt: u32) -> Value {
    json!({
        "signatureAlgorithm": "rsassa-pss",
        "signatureAlgorithmParameters": {
            "hashAlgorithm": hash,
            "maskGenAlgorithm": {"algorithm": "id-mgf1", "parameters": {"hashAlgorithm": hash}},
            "saltLength": salt,
            "trailerField": "0xbc",
        },
    })
}

/// The answer as it would come.
pub(super) fn status(answer: &Value) -> SessionStatus {
    SessionStatus::parse(answer.to_string().as_bytes()).unwrap()
}

fn add(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
}
