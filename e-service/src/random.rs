//! What nobody is to guess.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// 64 octets, Base64: a challenge.
pub(crate) fn challenge() -> Result<String, getrandom::Error> {
    Ok(STANDARD.encode(octets::<64>()?))
}

/// 32 octets that fit into an address and a cookie.
pub(crate) fn token() -> Result<String, getrandom::Error> {
    Ok(URL_SAFE_NO_PAD.encode(octets::<32>()?))
}

/// Some octets.
pub(crate) fn octets<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}
