//! Key shares for each use of which the token asks for its PIN again (`CKA_ALWAYS_AUTHENTICATE`),
//! where it offers that: a login that other programs share, as on many smart cards, is then not
//! enough to use one.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};

use crate::error::HsmError;
use crate::session::TokenSession;
use crate::share::SHARE_MODULUS_OCTETS;

/// What makes a private key such a one.
pub(super) const ASKING: &[Attribute] = &[Attribute::AlwaysAuthenticate(true)];

/// `message^d mod n` with a private key, whether the token asks again or not. Signing, not
/// decryption: some tokens refuse raw decryption.
pub(super) fn raw_rsa(
    session: &TokenSession,
    key: ObjectHandle,
    message: &[u8],
) -> Result<Vec<u8>, HsmError> {
    if !asks(session, key)? {
        return Ok(session.pkcs11().sign(&Mechanism::RsaX509, key, message)?);
    }
    session.pkcs11().sign_init(&Mechanism::RsaX509, key)?;
    session.authenticate_again()?;
    let calls = session.token().calls();
    calls.sign_begun(session.pkcs11(), message, SHARE_MODULUS_OCTETS)
}

/// Fails unless the token refuses a use for which nobody authenticated.
pub(super) fn expect_asking(
    session: &TokenSession,
    key: ObjectHandle,
    message: &[u8],
) -> Result<(), HsmError> {
    match session.pkcs11().sign(&Mechanism::RsaX509, key, message) {
        Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(HsmError::fault(
            "CKA_ALWAYS_AUTHENTICATE",
            "it uses such a key without asking",
        )),
    }
}

/// A token that does not know the attribute has no such keys.
fn asks(session: &TokenSession, key: ObjectHandle) -> Result<bool, HsmError> {
    let known = session
        .pkcs11()
        .get_attributes(key, &[AttributeType::AlwaysAuthenticate])?;
    Ok(known.contains(&Attribute::AlwaysAuthenticate(true)))
}
