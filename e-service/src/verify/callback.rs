//! What a browser brings back that was led away to an app on the same machine.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Rejected;

/// The parameters that the app added to the callback's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callback {
    /// Names the session: only who was given its secret, or a device that opened its link, knows it.
    pub session_secret_digest: Option<String>,
    /// Proves that the device that led the browser back is the one that confirmed. Logins only.
    pub user_challenge_verifier: Option<String>,
}

impl Callback {
    /// Whether the browser came back from the session with this secret.
    ///
    /// # Errors
    /// [`Rejected::CallbackWithout`] and [`Rejected::AnotherSession`].
    pub fn check_session(&self, session_secret: &[u8]) -> Result<(), Rejected> {
        let digest = self.session_secret_digest.as_deref();
        let digest = digest.ok_or(Rejected::CallbackWithout("sessionSecretDigest"))?;
        match is_digest_of(digest, session_secret) {
            true => Ok(()),
            false => Err(Rejected::AnotherSession),
        }
    }

    /// Whether the device that led the browser back is the one that answered.
    pub(super) fn check_device(&self, user_challenge: &str) -> Result<(), Rejected> {
        let verifier = self.user_challenge_verifier.as_deref();
        let verifier = verifier.ok_or(Rejected::CallbackWithout("userChallengeVerifier"))?;
        match is_digest_of(user_challenge, verifier.as_bytes()) {
            true => Ok(()),
            false => Err(Rejected::AnotherDevice),
        }
    }
}

fn is_digest_of(digest: &str, data: &[u8]) -> bool {
    let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(data));
    expected.as_bytes().ct_eq(digest.as_bytes()).into()
}
