//! Device links: how a browser hands a login or a signature to a device without naming anybody.
//!
//! The relying party builds the link from what the service gave it, and seals it with an
//! authentication code over the session's secret; the service recomputes that code bit by bit.
//! (SK's documentation of the relying-party API 3.2, "Device link flows".)

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::device::transaction::FlowType;

/// The longest link that is read, in octets: ten times an honest one.
pub const MAX_LENGTH: usize = 2048;

const VERSION: &str = "1.0";
const AUTH_CODE: &str = "&authCode=";

/// A device link, taken apart. The order of its parameters is fixed, so that there is one way only
/// to write a link, and its octets are what the authentication code covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLink {
    /// How the link travels to the device.
    pub kind: LinkKind,
    /// Names the session; letters and digits.
    pub session_token: String,
    /// What the session is about.
    pub session_type: SessionType,
    unprotected: String,
    auth_code: String,
}

/// How a link travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Scanned from another screen; made anew each second.
    Qr {
        /// Whole seconds since the relying party received the session.
        elapsed_seconds: u32,
    },
    /// Opened by a browser on this machine.
    Web2App,
    /// Opened by a program on this machine.
    App2App,
}

impl LinkKind {
    /// The flow that a session takes when it is opened by such a link.
    pub fn flow_type(self) -> FlowType {
        match self {
            Self::Qr { .. } => FlowType::QR,
            Self::Web2App => FlowType::Web2App,
            Self::App2App => FlowType::App2App,
        }
    }
}

/// What a link's session is about, spelt as in the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionType {
    /// A login.
    Authentication,
    /// A signature.
    Signature,
    /// The choice of a certificate.
    CertificateChoice,
}

impl SessionType {
    /// `auth`, `sign` or `cert`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Signature => "sign",
            Self::CertificateChoice => "cert",
        }
    }
}

impl DeviceLink {
    /// Takes a link apart; anything that the one way of writing it does not allow is an error.
    /// Whether the link is genuine only [`AuthCodeInput`] tells.
    pub fn parse(link: &str) -> Result<Self, DeviceLinkError> {
        if link.len() > MAX_LENGTH {
            return Err(DeviceLinkError::TooLong);
        }
        let (unprotected, auth_code) = link
            .rsplit_once(AUTH_CODE)
            .ok_or(DeviceLinkError::Parameter("authCode"))?;
        let (base, query) = unprotected
            .split_once('?')
            .ok_or(DeviceLinkError::Parameter("deviceLinkType"))?;
        if base.is_empty() {
            return Err(DeviceLinkError::Parameter("deviceLinkType"));
        }
        let mut parameters = Parameters(query.split('&'));
        let kind = match parameters.next("deviceLinkType")? {
            "QR" => LinkKind::Qr {
                elapsed_seconds: seconds(parameters.next("elapsedSeconds")?)?,
            },
            "Web2App" => LinkKind::Web2App,
            "App2App" => LinkKind::App2App,
            _ => return Err(DeviceLinkError::Parameter("deviceLinkType")),
        };
        let session_token = parameters.next("sessionToken")?;
        if !is_session_token(session_token) {
            return Err(DeviceLinkError::Parameter("sessionToken"));
        }
        let session_type = match parameters.next("sessionType")? {
            "auth" => SessionType::Authentication,
            "sign" => SessionType::Signature,
            "cert" => SessionType::CertificateChoice,
            _ => return Err(DeviceLinkError::Parameter("sessionType")),
        };
        if parameters.next("version")? != VERSION {
            return Err(DeviceLinkError::Parameter("version"));
        }
        let language = parameters.next("lang")?;
        if language.len() != 3 || !language.bytes().all(|octet| octet.is_ascii_lowercase()) {
            return Err(DeviceLinkError::Parameter("lang"));
        }
        parameters.end()?;
        Ok(Self {
            kind,
            session_token: session_token.to_owned(),
            session_type,
            unprotected: unprotected.to_owned(),
            auth_code: auth_code.to_owned(),
        })
    }

    /// The link without its authentication code, octet for octet.
    pub fn unprotected(&self) -> &str {
        &self.unprotected
    }

    /// Whether the link was sealed with `secret` for this session. Constant time in the code.
    pub fn is_genuine(&self, input: &AuthCodeInput<'_>, secret: &[u8]) -> bool {
        let Ok(claimed) = URL_SAFE_NO_PAD.decode(&self.auth_code) else {
            return false;
        };
        input
            .mac(&self.unprotected, secret)
            .verify_slice(&claimed)
            .is_ok()
    }
}

struct Parameters<'a>(std::str::Split<'a, char>);

impl<'a> Parameters<'a> {
    fn next(&mut self, name: &'static str) -> Result<&'a str, DeviceLinkError> {
        self.0
            .next()
            .and_then(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))
            .ok_or(DeviceLinkError::Parameter(name))
    }

    fn end(mut self) -> Result<(), DeviceLinkError> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(DeviceLinkError::Parameter("authCode")),
        }
    }
}

fn seconds(text: &str) -> Result<u32, DeviceLinkError> {
    let canonical = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if canonical => Ok(seconds),
        _ => Err(DeviceLinkError::Parameter("elapsedSeconds")),
    }
}

/// Whether a text has the form of a session token: letters and digits, at least 24.
pub fn is_session_token(text: &str) -> bool {
    (24..=128).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// What an authentication code covers beside the link. Every text is as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct AuthCodeInput<'a> {
    /// `smart-id`, `smart-id-demo` or our own.
    pub scheme_name: &'a str,
    /// `ACSP_V2`, `RAW_DIGEST_SIGNATURE`, or empty for a certificate choice.
    pub signature_protocol: &'a str,
    /// The login's challenge or the signature's digest, Base64; empty for a certificate choice.
    pub challenge: &'a str,
    /// The relying party's name.
    pub relying_party_name: &'a str,
    /// The relying party behind a broker.
    pub brokered_relying_party_name: Option<&'a str>,
    /// Base64; empty for a certificate choice.
    pub interactions: &'a str,
    /// The callback of a Web2App or App2App link; none for a QR link, whatever the session has.
    pub initial_callback_url: Option<&'a str>,
}

impl AuthCodeInput<'_> {
    /// The code that seals `unprotected`: Base64url of HMAC-SHA-256.
    pub fn auth_code(&self, unprotected: &str, secret: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(unprotected, secret).finalize().into_bytes())
    }

    fn mac(&self, unprotected: &str, secret: &[u8]) -> Hmac<Sha256> {
        let mut message = String::new();
        for field in [
            self.scheme_name,
            self.signature_protocol,
            self.challenge,
            &STANDARD.encode(self.relying_party_name),
            &STANDARD.encode(self.brokered_relying_party_name.unwrap_or_default()),
            self.interactions,
            self.initial_callback_url.unwrap_or_default(),
        ] {
            message.push_str(field);
            message.push('|');
        }
        message.push_str(unprotected);
        #[expect(
            clippy::expect_used,
            reason = "HMAC takes keys of any length (RFC 2104 section 3)"
        )]
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length will do");
        mac.update(message.as_bytes());
        mac
    }
}

/// By what a relying party knows that a callback belongs to its session: Base64url of the
/// SHA-256 of the session's secret.
pub fn session_secret_digest(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// The address that the device opens when a same-device flow has ended, well or not. The verifier
/// goes with a login alone.
pub fn callback_url(
    initial_callback_url: &str,
    session_secret_digest: &str,
    user_challenge_verifier: Option<&str>,
) -> String {
    let separator = match initial_callback_url.contains('?') {
        true => '&',
        false => '?',
    };
    let mut url =
        format!("{initial_callback_url}{separator}sessionSecretDigest={session_secret_digest}");
    if let Some(verifier) = user_challenge_verifier {
        // Writing to a String cannot fail.
        let _ = write!(url, "&userChallengeVerifier={verifier}");
    }
    url
}

/// Why a text is no device link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceLinkError {
    /// It is longer than any link.
    #[error("the link is longer than {MAX_LENGTH} octets")]
    TooLong,
    /// A parameter is missing, malformed or in the wrong place.
    #[error("the link's parameter {0} is missing, malformed or in the wrong place")]
    Parameter(&'static str),
}

#[cfg(test)]
mod tests;
