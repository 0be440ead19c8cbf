//! ACSP_V2: what an authentication signature signs.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::device::transaction::FlowType;
use crate::interaction::InteractionType;
use crate::random::{RandomError, random_octets};

/// The name of the protocol, in the payload and in the relying-party API.
pub const PROTOCOL: &str = "ACSP_V2";

/// The parts of the payload. Device and relying party each put it together from what they know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a> {
    /// E.g. `smart-id`.
    pub scheme_name: &'a str,
    /// Base64 as the relying party will get it.
    pub server_random: &'a str,
    /// Base64 as the relying party sent it.
    pub rp_challenge: &'a str,
    /// Base64url as the relying party will get it, see [`UserChallengeVerifier`].
    pub user_challenge: &'a str,
    /// As the relying party sent it.
    pub relying_party_name: &'a str,
    /// The relying party behind a broker, if there is one.
    pub brokered_relying_party_name: Option<&'a str>,
    /// Base64 as the relying party sent it.
    pub interactions: &'a str,
    /// What the person saw.
    pub interaction: InteractionType,
    /// As the relying party sent it; left out of the payload in flows without a callback.
    pub initial_callback_url: Option<&'a str>,
    /// How the transaction reached the device.
    pub flow_type: FlowType,
}

impl Payload<'_> {
    /// The eleven fields, joined by `|`.
    ///
    /// A field that contains the separator is refused: two different logins could have the same
    /// payload.
    pub fn to_octets(&self) -> Result<Vec<u8>, PayloadError> {
        let callback = match self.flow_type {
            FlowType::Web2App | FlowType::App2App => self.initial_callback_url.unwrap_or(""),
            FlowType::QR | FlowType::Notification => "",
        };
        let name = STANDARD.encode(self.relying_party_name);
        let brokered_name = STANDARD.encode(self.brokered_relying_party_name.unwrap_or(""));
        let interactions = STANDARD.encode(Sha256::digest(self.interactions));
        let fields = [
            ("scheme name", self.scheme_name),
            ("protocol", PROTOCOL),
            ("server random", self.server_random),
            ("challenge", self.rp_challenge),
            ("user challenge", self.user_challenge),
            ("relying party name", &name),
            ("brokered relying party name", &brokered_name),
            ("interactions", &interactions),
            ("interaction", self.interaction.as_str()),
            ("callback URL", callback),
            ("flow type", self.flow_type.as_str()),
        ];
        if let Some((field, _)) = fields.iter().find(|(_, value)| value.contains('|')) {
            return Err(PayloadError { field });
        }
        Ok(fields.map(|(_, value)| value).join("|").into_bytes())
    }
}

/// A field contains the separator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {field} contains \"|\"")]
pub struct PayloadError {
    /// Which field.
    pub field: &'static str,
}

/// A secret of the device that proves, in the callback, that the browser which comes back is the
/// one whose device confirmed: 32 random octets in Base64url, 43 characters.
pub struct UserChallengeVerifier(Zeroizing<String>);

impl UserChallengeVerifier {
    /// Draws one.
    pub fn draw() -> Result<Self, RandomError> {
        let octets = Zeroizing::new(random_octets(32)?);
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*octets))))
    }

    /// The text, for the callback alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The challenge that goes into the payload.
    pub fn challenge(&self) -> String {
        user_challenge(&self.0)
    }
}

impl std::fmt::Debug for UserChallengeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserChallengeVerifier(..)")
    }
}

/// Base64url of the SHA-256 of the verifier's characters (not of what they encode): 43 characters.
pub fn user_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Whether a text has the shape of a user challenge: Base64url of 32 octets.
pub fn is_user_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|octets| octets.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERACTIONS: &str =
        "W3siZGlzcGxheVRleHQ2MCI6IkhlbGxvIHdvcmxkIiwidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIn1d";

    fn notification() -> Payload<'static> {
        Payload {
            scheme_name: "smart-id-demo",
            server_random: "2BRq6GXciED/sysSj7n6rxzA",
            rp_challenge: "q1miCUX2v3RAQSycBUWdJrRtG6GR1z55c2oIAdjynk3IIquT4CfoSzcdzbLQDL9eTDojGpy+8QKS1jgWzTB58g==",
            user_challenge: "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI",
            relying_party_name: "DEMO",
            brokered_relying_party_name: None,
            interactions: INTERACTIONS,
            interaction: InteractionType::DisplayTextAndPin,
            initial_callback_url: None,
            flow_type: FlowType::Notification,
        }
    }

    fn text(payload: &Payload<'_>) -> String {
        String::from_utf8(payload.to_octets().unwrap()).unwrap()
    }

    /// What a signature of the Smart-ID demo environment signs (RSASSA-PSS with SHA-256; the
    /// signature itself was checked with OpenSSL).
    #[test]
    fn is_what_the_demo_environment_signed_with_pss() {
        assert_eq!(
            text(&notification()),
            "smart-id-demo|ACSP_V2|2BRq6GXciED/sysSj7n6rxzA|q1miCUX2v3RAQSycBUWdJrRtG6GR1z55c2oIAdjynk3IIquT4CfoSzcdzbLQDL9eTDojGpy+8QKS1jgWzTB58g==|TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI|REVNTw==||miue+Qk6dw2zpM6CL4Uz7XkKqWfTUGA3L/DDUXV96AE=|displayTextAndPIN||Notification"
        );
    }

    /// The same with PKCS#1 v1.5.
    #[test]
    fn is_what_the_demo_environment_signed_with_pkcs1() {
        let payload = Payload {
            server_random: "1QFczqzotgM4Uyvw4dJaUEg4",
            rp_challenge: "minitaAEJHkuOLUpZ4DawKQJnBH0pQiT3Xtqys3KPHKwANmilKp/B/KruVWU3EwLnTtwE13CAHJlwwwkEERVfw==",
            user_challenge: "336L4jU3MgSvfFcTBxgcGWXpZu70dj7jj7oomSL1VoQ",
            ..notification()
        };
        assert_eq!(
            text(&payload),
            "smart-id-demo|ACSP_V2|1QFczqzotgM4Uyvw4dJaUEg4|minitaAEJHkuOLUpZ4DawKQJnBH0pQiT3Xtqys3KPHKwANmilKp/B/KruVWU3EwLnTtwE13CAHJlwwwkEERVfw==|336L4jU3MgSvfFcTBxgcGWXpZu70dj7jj7oomSL1VoQ|REVNTw==||miue+Qk6dw2zpM6CL4Uz7XkKqWfTUGA3L/DDUXV96AE=|displayTextAndPIN||Notification"
        );
    }

    /// The example of the Smart-ID RP API 3.1 documentation, chapter ACSP_V2, with its SHA-512.
    #[test]
    fn has_the_digest_of_the_documentation() {
        let payload = Payload {
            scheme_name: "smart-id",
            server_random: "MTlop6EXCrQ6FOErcKjxUhbV",
            rp_challenge: "GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==",
            user_challenge: "GnsWXXEjTCKR89fj9uo5u5ReBZ9JR7_pezLAI5jMS00",
            relying_party_name: "DEMO",
            brokered_relying_party_name: Some("Example RP"),
            interactions: "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvbmdlciBkZXNjcmlwdGlvbiBvZiB0aGUgdHJhbnNhY3Rpb24gY29udGV4dCJ9LHsidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIiwiZGlzcGxheVRleHQ2MCI6IlNob3J0IGRlc2NyaXB0aW9uIG9mIHRoZSB0cmFuc2FjdGlvbiBjb250ZXh0In1d",
            interaction: InteractionType::ConfirmationMessage,
            initial_callback_url: Some(
                "https://rp.example.com/callback-url?value=RrKjjT4aggzu27YBddX1bQ",
            ),
            flow_type: FlowType::Web2App,
        };
        let digest = sha2::Sha512::digest(payload.to_octets().unwrap());
        assert_eq!(
            STANDARD.encode(digest),
            "pKOjbNl/5Fy8NfrFqsj6pSn8W8O+Ik8rM33QSsbyD3J9qDJvEm90SboUciuY4wHGWa0Pnq8BgT3NJKmJiUDfKg=="
        );
    }

    #[test]
    fn a_callback_counts_only_where_there_is_one() {
        let with_callback = |flow_type| {
            text(&Payload {
                initial_callback_url: Some("https://rp.example.com/cb"),
                flow_type,
                ..notification()
            })
        };
        assert!(with_callback(FlowType::Notification).ends_with("||Notification"));
        assert!(with_callback(FlowType::QR).ends_with("||QR"));
        assert!(with_callback(FlowType::Web2App).ends_with("|https://rp.example.com/cb|Web2App"));
        assert!(with_callback(FlowType::App2App).ends_with("|https://rp.example.com/cb|App2App"));
    }

    #[test]
    fn a_separator_within_a_field_is_refused() {
        let field_of = |payload: Payload<'_>| payload.to_octets().unwrap_err().field;
        let base = notification();
        assert_eq!(
            field_of(Payload {
                rp_challenge: "a|b",
                ..base.clone()
            }),
            "challenge"
        );
        assert_eq!(
            field_of(Payload {
                scheme_name: "smart-id|ACSP_V2",
                ..base.clone()
            }),
            "scheme name"
        );
        assert_eq!(
            field_of(Payload {
                flow_type: FlowType::Web2App,
                initial_callback_url: Some("https://a|b"),
                ..base.clone()
            }),
            "callback URL"
        );
        // The name is encoded, so it may hold anything.
        assert!(
            Payload {
                relying_party_name: "A|B",
                ..base
            }
            .to_octets()
            .is_ok()
        );
    }

    /// A pair that the demo environment sent to a callback.
    #[test]
    fn the_user_challenge_is_that_of_a_real_verifier() {
        let challenge = user_challenge("bnknvqeB2MztUFO1iqtpE1omKGZX8XzeBQ-ZGru-ppg");
        assert_eq!(challenge, "dhkvx6qEX93a3Iq8F1SIEK08CWlybXxmWUjl9nBKnvQ");
        assert!(is_user_challenge(&challenge));
    }

    #[test]
    fn verifiers_differ_and_are_not_printed() {
        let (one, other) = (
            UserChallengeVerifier::draw().unwrap(),
            UserChallengeVerifier::draw().unwrap(),
        );
        assert_eq!(one.as_str().len(), 43);
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.challenge(), user_challenge(one.as_str()));
        assert_eq!(format!("{one:?}"), "UserChallengeVerifier(..)");
    }

    #[test]
    fn recognises_user_challenges() {
        assert!(is_user_challenge(
            "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI"
        ));
        for other in [
            "",
            "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7t",
            "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI=",
            "TTb4rM24GEIvtddfOqA+gOUwdJSXKrj5JeVnRtPv7tI",
            "TTb4rM24GEIvtddfOqA|gOUwdJSXKrj5JeVnRtPv7tI",
        ] {
            assert!(!is_user_challenge(other), "{other}");
        }
    }
}
