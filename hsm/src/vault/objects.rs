//! Keys on the token: made there, sensitive and not extractable, found by their `CKA_ID`.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::asking_again;
use super::sealed::Id;
use crate::error::HsmError;
use crate::key::{self, Curve};
use crate::session::TokenSession;
use crate::share::{SHARE_MODULUS_OCTETS, modulus_of};

const SHARE: &[u8] = b"symbolon share";
const PIN: &[u8] = b"symbolon PIN";
const DEVICE: &str = "symbolon device";

/// Makes the two keys of a share, the RSA key with `also`, and returns its modulus. May be
/// repeated: what an interrupted making left is removed first.
pub(super) fn make(
    session: &TokenSession,
    id: Id,
    also: &[Attribute],
) -> Result<Vec<u8>, HsmError> {
    destroy(session, id)?;
    let (public, _) = make_rsa_key(session, id, true, also)?;
    let modulus = modulus_of(session, public);
    session.destroy(public)?;
    make_hmac_key(session, id, true)?;
    modulus
}

/// Makes an RSA key: its public half, which does not stay, and its private one. One that does not
/// stay either is for the examination of a token. The private one has the attributes `also` as well.
pub(super) fn make_rsa_key(
    session: &TokenSession,
    id: Id,
    stays: bool,
    also: &[Attribute],
) -> Result<(ObjectHandle, ObjectHandle), HsmError> {
    let public = [
        Attribute::Token(false),
        Attribute::ModulusBits((8 * SHARE_MODULUS_OCTETS as u64).into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
        Attribute::Verify(true),
    ];
    let mut private = vec![
        Attribute::Token(stays),
        Attribute::Private(true),
        Attribute::Label(SHARE.to_vec()),
        Attribute::Id(id.0.to_vec()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ];
    private.extend_from_slice(also);
    Ok(session
        .pkcs11()
        .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?)
}

/// Makes an HMAC key; one that does not stay is for the examination of a token.
pub(super) fn make_hmac_key(
    session: &TokenSession,
    id: Id,
    stays: bool,
) -> Result<ObjectHandle, HsmError> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(32.into()),
        Attribute::Token(stays),
        Attribute::Private(true),
        Attribute::Label(PIN.to_vec()),
        Attribute::Id(id.0.to_vec()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ];
    Ok(session
        .pkcs11()
        .generate_key(&Mechanism::GenericSecretKeyGen, &template)?)
}

/// Makes sure that both keys of a share are there.
pub(super) fn expect(session: &TokenSession, id: Id) -> Result<(), HsmError> {
    find(session, id, ObjectClass::PRIVATE_KEY, "a key share")?;
    find(session, id, ObjectClass::SECRET_KEY, "a PIN's key")?;
    Ok(())
}

/// The HMAC over what a PIN gives.
pub(super) fn hmac(
    session: &TokenSession,
    id: Id,
    input: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, HsmError> {
    let key = find(session, id, ObjectClass::SECRET_KEY, "a PIN's key")?;
    hmac_with(session, key, input)
}

/// The same with a key that was found already.
pub(super) fn hmac_with(
    session: &TokenSession,
    key: ObjectHandle,
    input: &[u8],
) -> Result<zeroize::Zeroizing<Vec<u8>>, HsmError> {
    let code = session.pkcs11().sign(&Mechanism::Sha256Hmac, key, input)?;
    if code.len() != 32 {
        return Err(HsmError::fault("Sign", "an HMAC of another length"));
    }
    Ok(zeroize::Zeroizing::new(code))
}

/// `message^d mod n` with a share.
pub(super) fn raw_rsa(session: &TokenSession, id: Id, message: &[u8]) -> Result<Vec<u8>, HsmError> {
    let key = find(session, id, ObjectClass::PRIVATE_KEY, "a key share")?;
    asking_again::raw_rsa(session, key, message)
}

/// Makes a device key and returns its public point.
pub(super) fn make_device_key(session: &TokenSession, id: Id) -> Result<Vec<u8>, HsmError> {
    destroy(session, id)?;
    let (public, _) = make_p256_key(session, id, true)?;
    let point = device_point(session, public);
    session.destroy(public)?;
    point
}

/// Makes a P-256 key as [`make_rsa_key`] makes an RSA key.
pub(super) fn make_p256_key(
    session: &TokenSession,
    id: Id,
    stays: bool,
) -> Result<(ObjectHandle, ObjectHandle), HsmError> {
    let public = [
        Attribute::Token(false),
        Attribute::EcParams(Curve::P256.parameters().to_vec()),
        Attribute::Verify(true),
    ];
    let private = [
        Attribute::Token(stays),
        Attribute::Private(true),
        Attribute::Label(DEVICE.into()),
        Attribute::Id(id.0.to_vec()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
    ];
    Ok(session
        .pkcs11()
        .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?)
}

/// The point of a device key's public half.
pub(super) fn device_point(
    session: &TokenSession,
    public: ObjectHandle,
) -> Result<Vec<u8>, HsmError> {
    key::point_of(session, DEVICE, public, Curve::P256)
}

/// ECDSA over a digest with a device key.
pub(super) fn sign_as_device(
    session: &TokenSession,
    id: Id,
    digest: &[u8; 32],
) -> Result<[u8; 64], HsmError> {
    let key = find(session, id, ObjectClass::PRIVATE_KEY, "the device key")?;
    key::ecdsa(session, key, Curve::P256, digest)?
        .try_into()
        .map_err(|_| HsmError::fault("Sign", "a signature of another length"))
}

/// Removes every key of this name. That there is none is no error.
pub(super) fn destroy(session: &TokenSession, id: Id) -> Result<(), HsmError> {
    let template = [Attribute::Token(true), Attribute::Id(id.0.to_vec())];
    for object in session.pkcs11().find_objects(&template)? {
        session.destroy(object)?;
    }
    Ok(())
}

fn find(
    session: &TokenSession,
    id: Id,
    class: ObjectClass,
    what: &str,
) -> Result<ObjectHandle, HsmError> {
    let template = [
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Id(id.0.to_vec()),
    ];
    match session.pkcs11().find_objects(&template)?[..] {
        [object] => Ok(object),
        [] => Err(HsmError::KeyMissing(what.to_owned())),
        _ => Err(HsmError::fault("FindObjects", format!("several of {what}"))),
    }
}

/// Whether a private key says that it can leave: none may.
pub(super) fn may_leave(session: &TokenSession, key: ObjectHandle) -> Result<bool, HsmError> {
    let attributes = session
        .pkcs11()
        .get_attributes(key, &[AttributeType::Extractable, AttributeType::Sensitive])?;
    Ok(attributes.iter().any(|attribute| {
        matches!(
            attribute,
            Attribute::Extractable(true) | Attribute::Sensitive(false)
        )
    }))
}
