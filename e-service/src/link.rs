//! Device links (SK's documentation of the relying-party API 3.2, "Device link flows").

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long the picture is shown; after that the person is to begin anew.
pub const SHOWN: Duration = Duration::from_secs(60);

/// A session that waits for whoever opens its link.
#[derive(Debug, Clone)]
pub struct LinkSession {
    /// What the service gave: where the link leads.
    pub base: String,
    /// Names the session in the link.
    pub token: String,
    /// Seals the link; never shown to anybody.
    pub secret: Vec<u8>,
    /// When it was given.
    pub received: Instant,
}

/// What the seal binds beside the link itself, octet by octet as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// `smart-id`, or a demo environment's name.
    pub scheme_name: &'a str,
    /// `ACSP_V2` for logins.
    pub signature_protocol: &'a str,
    /// Base64.
    pub challenge: &'a str,
    /// The relying party's name.
    pub relying_party_name: &'a str,
    /// Base64.
    pub interactions: &'a str,
    /// Where the browser is to be led back to.
    pub initial_callback_url: Option<&'a str>,
}

impl LinkSession {
    /// The picture's content now; `None` if it is too old to be shown.
    pub fn qr(&self, bound: &Bound<'_>) -> Option<String> {
        let elapsed = self.received.elapsed();
        (elapsed <= SHOWN).then(|| self.qr_after(elapsed.as_secs(), bound))
    }

    fn qr_after(&self, seconds: u64, bound: &Bound<'_>) -> String {
        let without_callback = Bound {
            initial_callback_url: None,
            ..*bound
        };
        self.sealed(&format!("QR&elapsedSeconds={seconds}"), &without_callback)
    }

    /// The link for this browser's own machine; `None` if it could not come back.
    pub fn web_to_app(&self, bound: &Bound<'_>) -> Option<String> {
        bound.initial_callback_url?;
        Some(self.sealed("Web2App", bound))
    }

    fn sealed(&self, kind: &str, bound: &Bound<'_>) -> String {
        let unprotected = format!(
            "{}?deviceLinkType={kind}&sessionToken={}&sessionType=auth&version=1.0&lang=eng",
            self.base, self.token
        );
        let message = [
            bound.scheme_name,
            bound.signature_protocol,
            bound.challenge,
            &STANDARD.encode(bound.relying_party_name),
            // Nobody stands behind us.
            "",
            bound.interactions,
            bound.initial_callback_url.unwrap_or_default(),
            &unprotected,
        ]
        .join("|");
        format!(
            "{unprotected}&authCode={}",
            auth_code(&self.secret, &message)
        )
    }
}

fn auth_code(secret: &[u8], message: &str) -> String {
    // A key of any length will do; `new_from_slice` cannot fail for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(message.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_sealed_as_documented() {
        // Computed from the documentation's rules by other means.
        let session = LinkSession {
            base: "https://sid.demo.sk.ee/device-link".into(),
            token: "abcDEF123456abcDEF123456".into(),
            secret: (0..32).collect(),
            received: Instant::now(),
        };
        let challenge = STANDARD.encode((0..64).collect::<Vec<u8>>());
        let bound = Bound {
            scheme_name: "smart-id-demo",
            signature_protocol: "ACSP_V2",
            challenge: &challenge,
            relying_party_name: "DEMO",
            interactions: "W3sidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIiwiZGlzcGxheVRleHQ2MCI6IkxvZyBpbiB0byBkZW1vIn1d",
            initial_callback_url: Some("https://rp.example.com/cb"),
        };
        let qr = session.qr_after(1, &bound);
        let expected = "&lang=eng&authCode=LE5RbcucUckgsilBPcnqdBuWErfmfXrJr36bzcXjsJc";
        assert!(qr.ends_with(expected), "{qr}");
        let link = session.web_to_app(&bound).unwrap();
        assert!(link.starts_with("https://sid.demo.sk.ee/device-link?deviceLinkType=Web2App&"));
        let nowhere = Bound {
            initial_callback_url: None,
            ..bound
        };
        assert_eq!(session.web_to_app(&nowhere), None);
    }
}
