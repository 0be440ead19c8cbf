//! Named keys that stay on the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use serde::{Deserialize, Serialize};

use crate::error::HsmError;
use crate::session::TokenSession;

/// The label (`CKA_LABEL`) by which a key is found on the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyLabel(pub &'static str);

impl std::fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether a key had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// It is new.
    Now,
    /// It was there before, and was left alone.
    Before,
}

/// The elliptic curves of the service's signing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// NIST P-256 (secp256r1).
    P256,
    /// NIST P-384 (secp384r1).
    P384,
}

impl Curve {
    /// The DER encoding of the curve's object identifier (RFC 5480 section 2.1.1.1).
    pub(crate) fn parameters(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        }
    }

    /// How long a scalar is, in octets. Digests to sign are as long; signatures are twice that.
    pub fn scalar_octets(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// How long an uncompressed point is, in octets (SEC 1 section 2.3.3).
    pub fn point_octets(self) -> usize {
        1 + 2 * self.scalar_octets()
    }
}

/// An ECDSA key on the token: where it is, and its public half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub(crate) label: KeyLabel,
    curve: Curve,
    point: Vec<u8>,
}

impl SigningKey {
    /// The key's label.
    pub fn label(&self) -> KeyLabel {
        self.label
    }

    /// The key's curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The public key: an uncompressed point, 65 octets on P-256 and 97 on P-384.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// A key that was found on the token.
    pub(crate) fn found(label: KeyLabel, curve: Curve, point: Vec<u8>) -> Self {
        Self {
            label,
            curve,
            point,
        }
    }
}

/// The public point of a signing key, both halves of which must be there.
pub(crate) fn find_signing_key(
    session: &TokenSession,
    label: &str,
    curve: Curve,
) -> Result<Vec<u8>, HsmError> {
    session.key(label, ObjectClass::PRIVATE_KEY)?;
    let public = session.key(label, ObjectClass::PUBLIC_KEY)?;
    point_of(session, label, public, curve)
}

/// Makes a signing key unless there is one. Needs a read-write session.
pub(crate) fn make_signing_key(
    session: &TokenSession,
    label: &str,
    curve: Curve,
) -> Result<Made, HsmError> {
    if session.has_key(label, ObjectClass::PRIVATE_KEY)? {
        find_signing_key(session, label, curve)?;
        return Ok(Made::Before);
    }
    generate_signing_key(session, label, curve, Stay::Token)?;
    Ok(Made::Now)
}

/// ECDSA over a digest that is as long as the curve's scalars: r and s, big endian, one after the
/// other.
pub(crate) fn sign(
    session: &TokenSession,
    label: &str,
    curve: Curve,
    digest: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let key = session.key(label, ObjectClass::PRIVATE_KEY)?;
    ecdsa(session, key, curve, digest)
}

/// Whether a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// On the token, for good.
    Token,
    /// As long as the session.
    Session,
}

/// Makes an ECDSA key: its public and its private half.
pub(crate) fn generate_signing_key(
    session: &TokenSession,
    label: &str,
    curve: Curve,
    stay: Stay,
) -> Result<(ObjectHandle, ObjectHandle), HsmError> {
    let public = [
        Attribute::Token(stay == Stay::Token),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
        Attribute::EcParams(curve.parameters().to_vec()),
        Attribute::Verify(true),
    ];
    let private = [
        Attribute::Token(stay == Stay::Token),
        Attribute::Private(true),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
    ];
    Ok(session
        .pkcs11()
        .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?)
}

/// The uncompressed point of a public key, which must be on this curve.
pub(crate) fn point_of(
    session: &TokenSession,
    label: &str,
    public: ObjectHandle,
    curve: Curve,
) -> Result<Vec<u8>, HsmError> {
    let attributes = session
        .pkcs11()
        .get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])?;
    let mut parameters = None;
    let mut point = None;
    for attribute in attributes {
        match attribute {
            Attribute::EcParams(octets) => parameters = Some(octets),
            Attribute::EcPoint(octets) => point = Some(octets),
            _ => {}
        }
    }
    if parameters.as_deref() != Some(curve.parameters()) {
        return Err(HsmError::KeyMissing(format!("{label} on {curve:?}")));
    }
    point
        .and_then(|encoded| uncompressed_point(&encoded, curve))
        .ok_or_else(|| HsmError::fault("reading a public key", "not an uncompressed point"))
}

/// ECDSA with a private key over a digest that is as long as the curve's scalars.
pub(crate) fn ecdsa(
    session: &TokenSession,
    private: ObjectHandle,
    curve: Curve,
    digest: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let signature = session.pkcs11().sign(&Mechanism::Ecdsa, private, digest)?;
    if signature.len() != 2 * curve.scalar_octets() {
        return Err(HsmError::fault("Sign", "a signature of another length"));
    }
    Ok(signature)
}

/// The key that wraps key shares, which must be there.
pub(crate) fn wrapping_key(session: &TokenSession, label: &str) -> Result<ObjectHandle, HsmError> {
    session.key(label, ObjectClass::SECRET_KEY)
}

/// Makes the AES-256 key that wraps key shares, unless there is one. Needs a read-write session.
pub(crate) fn make_wrapping_key(session: &TokenSession, label: &str) -> Result<Made, HsmError> {
    if session.has_key(label, ObjectClass::SECRET_KEY)? {
        return Ok(Made::Before);
    }
    generate_wrapping_key(session, label, Stay::Token)?;
    Ok(Made::Now)
}

/// Makes an AES-256 key that wraps.
///
/// It must never decrypt: whoever could have it decrypt what it wrapped would read the shares.
/// Hence the explicit refusals, and `CKA_MODIFIABLE` false so that they stay.
pub(crate) fn generate_wrapping_key(
    session: &TokenSession,
    label: &str,
    stay: Stay,
) -> Result<ObjectHandle, HsmError> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Token(stay == Stay::Token),
        Attribute::Private(true),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Modifiable(false),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ];
    Ok(session
        .pkcs11()
        .generate_key(&Mechanism::AesKeyGen, &template)?)
}

/// `CKA_EC_POINT` is a DER OCTET STRING around the point (PKCS#11 2.40 mechanisms section 2.3.3);
/// some modules leave the OCTET STRING out.
fn uncompressed_point(encoded: &[u8], curve: Curve) -> Option<Vec<u8>> {
    let length = curve.point_octets();
    let point = match encoded {
        [0x04, inner_length, inner @ ..]
            if usize::from(*inner_length) == length && inner.len() == length =>
        {
            inner
        }
        bare => bare,
    };
    (point.len() == length && point.first() == Some(&0x04)).then(|| point.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_with_and_without_its_octet_string() {
        let mut point = vec![0x04];
        point.extend([7; 64]);
        let mut wrapped = vec![0x04, 65];
        wrapped.extend(&point);
        assert_eq!(
            uncompressed_point(&point, Curve::P256).as_ref(),
            Some(&point)
        );
        assert_eq!(
            uncompressed_point(&wrapped, Curve::P256).as_ref(),
            Some(&point)
        );
    }

    #[test]
    fn anything_else_is_no_point() {
        let mut compressed = vec![0x02];
        compressed.extend([7; 32]);
        assert_eq!(uncompressed_point(&compressed, Curve::P256), None);
        assert_eq!(uncompressed_point(&[0x04; 64], Curve::P256), None);
        assert_eq!(uncompressed_point(&[], Curve::P384), None);
    }
}
