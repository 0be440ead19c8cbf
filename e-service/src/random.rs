//! What nobody is to guess.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// 64 octets, Base64: a challenge.
pub(crate) fn challenge() -> Result<String, getrandom::Error> {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets)?;
    Ok(STANDARD.encode(octets))
}

/// 32 octets that fit into an address and a cookie.
pub(crate) fn token() -> Result<String, getrandom::Error> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}
