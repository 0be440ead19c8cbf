//! Public keys as certificates carry them.

use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1};
use der::asn1::{Any, BitString, Null, ObjectIdentifier, UintRef};
use der::{Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// 65537, big endian.
const PUBLIC_EXPONENT: [u8; 3] = [1, 0, 1];

/// An RSA key (RFC 8017 appendix A.1.1) with exponent 65537.
pub(super) fn rsa(modulus: &[u8]) -> der::Result<SubjectPublicKeyInfoOwned> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus)?,
        public_exponent: UintRef::new(&PUBLIC_EXPONENT)?,
    };
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: RSA_ENCRYPTION,
            parameters: Some(Any::from(Null)),
        },
        subject_public_key: BitString::from_bytes(&key.to_der()?)?,
    })
}

/// An uncompressed point on P-384.
pub(super) fn p384(point: &[u8]) -> der::Result<SubjectPublicKeyInfoOwned> {
    elliptic(SECP_384_R_1, point)
}

/// An uncompressed point on P-256.
pub(super) fn p256(point: &[u8]) -> der::Result<SubjectPublicKeyInfoOwned> {
    elliptic(SECP_256_R_1, point)
}

fn elliptic(curve: ObjectIdentifier, point: &[u8]) -> der::Result<SubjectPublicKeyInfoOwned> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: ID_EC_PUBLIC_KEY,
            parameters: Some(Any::from(curve)),
        },
        subject_public_key: BitString::from_bytes(point)?,
    })
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}
