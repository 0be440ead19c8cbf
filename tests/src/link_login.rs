//! A relying party's login by device link, as its browser page would do it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use symbolon_e_service::verify::{Asked, Callback};
use symbolon_protocol::device_link::AuthCodeInput;

use crate::openssl::Trust;
use crate::relying_party::{Algorithm, Login, Proven, RelyingParty, shown_with_pin, text_at};

/// Where the browser is led back to.
pub const CALLBACK: &str = "https://rp.example.com/callback?value=RrKjjT4aggzu27YBddX1bQ";

/// A login that waits for whoever opens its link.
pub struct LinkLogin {
    /// Its session, and what was asked.
    pub login: Login,
    token: String,
    secret: Vec<u8>,
    base: String,
    scheme: String,
}

impl LinkLogin {
    /// Asks for a login by `whom`: `anonymous`, `etsi/…` or `document/…`.
    pub fn begin(party: &RelyingParty, whom: &str, scheme: &str, algorithm: Algorithm) -> Self {
        let mut body = party.login_body(algorithm, &shown_with_pin("Log in?"));
        let fields = body.as_object_mut().unwrap();
        fields.remove("vcType");
        fields.insert("initialCallbackUrl".into(), CALLBACK.into());
        let path = format!("authentication/device-link/{whom}");
        let answer = party.post(&path, &body).must_be(200);
        Self {
            login: party.login_under_way(asked(whom), algorithm, &body, &answer),
            token: text_at(&answer, "sessionToken"),
            secret: STANDARD.decode(text_at(&answer, "sessionSecret")).unwrap(),
            base: text_at(&answer, "deviceLinkBase"),
            scheme: scheme.into(),
        }
    }

    /// The picture that the page shows, so many seconds after the session began.
    pub fn qr(&self, elapsed_seconds: u32) -> String {
        let kind = format!("QR&elapsedSeconds={elapsed_seconds}");
        self.sealed(&kind, None)
    }

    /// The link for a browser on the device's own machine.
    pub fn web_to_app(&self) -> String {
        self.sealed("Web2App", Some(CALLBACK))
    }

    fn sealed(&self, kind: &str, callback: Option<&str>) -> String {
        let unprotected = format!(
            "{}?deviceLinkType={kind}&sessionToken={}&sessionType=auth&version=1.0&lang=eng",
            self.base, self.token
        );
        let input = AuthCodeInput {
            scheme_name: &self.scheme,
            signature_protocol: "ACSP_V2",
            challenge: &self.login.request.rp_challenge,
            relying_party_name: &self.login.request.relying_party_name,
            brokered_relying_party_name: None,
            interactions: &self.login.request.interactions,
            initial_callback_url: callback,
        };
        let code = input.auth_code(&unprotected, &self.secret);
        format!("{unprotected}&authCode={code}")
    }

    /// Checks a login by QR code.
    pub fn verify_qr(&self, status: &Value, trust: &Trust) -> Result<Proven, String> {
        self.login.verify(status, &self.scheme, trust)
    }

    /// Checks a login on the same machine, and that the browser which came back to `callback` is
    /// the one whose device confirmed.
    pub fn verify_web_to_app(
        &self,
        status: &Value,
        trust: &Trust,
        callback: &str,
    ) -> Result<Proven, String> {
        let added = callback
            .strip_prefix(CALLBACK)
            .and_then(|added| added.strip_prefix('&'))
            .ok_or("the callback is another address")?;
        let parameter = |name: &str| {
            let mut all = added.split('&').filter_map(|one| one.split_once('='));
            let found = all.find(|(found, _)| *found == name);
            found.map(|(_, value)| value.to_owned())
        };
        let callback = Callback {
            session_secret_digest: parameter("sessionSecretDigest"),
            user_challenge_verifier: parameter("userChallengeVerifier"),
        };
        callback
            .check_session(&self.secret)
            .map_err(|rejected| rejected.to_string())?;
        self.login
            .verify_with(status, &self.scheme, trust, Some(&callback))
    }

    /// What a callback names the session by.
    pub fn secret_digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.secret))
    }
}

fn asked(whom: &str) -> Asked {
    match whom.split_once('/') {
        Some(("etsi", person)) => Asked::Person(person.into()),
        Some(("document", number)) => Asked::Document(number.into()),
        _ => Asked::Anyone,
    }
}
