//! Key shares: made on the token, kept outside it wrapped, back for one operation each.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use serde::{Deserialize, Serialize};

use crate::error::HsmError;
use crate::key::wrapping_key;
use crate::session::TokenSession;

/// How long a share's modulus is: RSA-2048.
pub const SHARE_MODULUS_OCTETS: usize = 256;

/// 65537, big endian.
const PUBLIC_EXPONENT: [u8; 3] = [1, 0, 1];

/// A key share of an account as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedShare {
    /// The modulus, big endian, [`SHARE_MODULUS_OCTETS`] long. The exponent is 65537.
    pub modulus: Vec<u8>,
    /// The private key (PKCS#8) under AES key wrap with padding (RFC 5649). Of no use without the
    /// token.
    pub wrapped: Vec<u8>,
}

/// Makes a share. The private key is extractable for the one wrapping only: the session object is
/// destroyed, and every later unwrapping makes it non-extractable.
pub(crate) fn generate(session: &TokenSession, label: &str) -> Result<WrappedShare, HsmError> {
    generate_under(session, wrapping_key(session, label)?)
}

/// The same with a wrapping key that was found already.
pub(crate) fn generate_under(
    session: &TokenSession,
    wrapping_key: ObjectHandle,
) -> Result<WrappedShare, HsmError> {
    let public = [
        Attribute::Token(false),
        Attribute::ModulusBits((8 * SHARE_MODULUS_OCTETS as u64).into()),
        Attribute::PublicExponent(PUBLIC_EXPONENT.to_vec()),
        Attribute::Verify(true),
    ];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ];
    let (public, private) =
        session
            .pkcs11()
            .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?;
    let share = (|| {
        Ok(WrappedShare {
            modulus: modulus_of(session, public)?,
            wrapped: session.token().calls().wrap(
                session.pkcs11(),
                session.token().key_wrap()?,
                wrapping_key,
                private,
            )?,
        })
    })();
    session.destroy(public)?;
    session.destroy(private)?;
    share
}

/// The raw RSA operation `message^d mod n` with a wrapped share. `message` is as long as the
/// modulus, and below it. The caller checks the result against the modulus: a token's arithmetic
/// fault must not reach a combination.
pub(crate) fn raw_rsa(
    session: &TokenSession,
    label: &str,
    wrapped: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, HsmError> {
    raw_rsa_under(session, wrapping_key(session, label)?, wrapped, message)
}

/// The same with a wrapping key that was found already.
pub(crate) fn raw_rsa_under(
    session: &TokenSession,
    wrapping_key: ObjectHandle,
    wrapped: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let share = unwrap(session, wrapping_key, wrapped)?;
    // Sign, not decrypt: some tokens refuse raw decryption but none refuses raw signing.
    let result = session.pkcs11().sign(&Mechanism::RsaX509, share, message);
    session.destroy(share)?;
    Ok(result?)
}

/// Brings a share back as a session object that cannot leave again. Whoever calls destroys it.
pub(crate) fn unwrap(
    session: &TokenSession,
    wrapping_key: ObjectHandle,
    wrapped: &[u8],
) -> Result<ObjectHandle, HsmError> {
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ];
    let token = session.token();
    token.calls().unwrap(
        session.pkcs11(),
        token.key_wrap()?,
        wrapping_key,
        wrapped,
        &template,
    )
}

pub(crate) fn modulus_of(
    session: &TokenSession,
    public: ObjectHandle,
) -> Result<Vec<u8>, HsmError> {
    let attributes = session
        .pkcs11()
        .get_attributes(public, &[AttributeType::Modulus])?;
    let modulus = attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            Attribute::Modulus(octets) => Some(octets),
            _ => None,
        });
    match modulus {
        Some(octets) if octets.len() == SHARE_MODULUS_OCTETS && octets[0] >= 0x80 => Ok(octets),
        _ => Err(HsmError::fault("GenerateKeyPair", "no RSA-2048 modulus")),
    }
}
