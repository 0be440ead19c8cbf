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
