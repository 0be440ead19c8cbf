//! Signatures by RSA keys, of persons and of authorities.

use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::Decode;
use der::asn1::UintRef;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pss::Pss;
use rsa::traits::SignatureScheme;
use rsa::{BoxedUint, PublicKey};
use sha2::{Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{Hash, Rejected, SignatureAlgorithm};

/// An RSA key whose modulus may have any length, not whole octets alone: 6143 bits are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublicKey(PublicKey);

impl RsaPublicKey {
    /// The key in a certificate's or a key file's `SubjectPublicKeyInfo`, DER.
    ///
    /// # Errors
    /// If it is no RSA key, or one of a size that nobody uses.
    pub fn from_der(spki: &[u8]) -> Result<Self, Rejected> {
        let info = SubjectPublicKeyInfoRef::try_from(spki).map_err(|_| not_read())?;
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(Rejected::UnreadableCertificate("the key is no RSA key"));
        }
        let octets = info.subject_public_key.as_bytes().ok_or_else(not_read)?;
        let key = Numbers::from_der(octets).map_err(|_| not_read())?;
        let (n, e) = (number(&key.modulus)?, number(&key.public_exponent)?);
        PublicKey::new(n, e).map(Self).map_err(|_| not_read())
    }

    /// Whether the signature is this key's, over data with this digest.
    ///
    /// # Errors
    /// [`Rejected::BadSignature`].
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), Rejected> {
        if digest.len() != algorithm.hash().octets() {
            return Err(Rejected::BadSignature);
        }
        let key = &self.0;
        match algorithm {
            SignatureAlgorithm::Pss(hash) => {
                let salt = hash.octets();
                match hash {
                    Hash::Sha256 => {
                        Pss::<Sha256>::new_with_salt(salt).verify(key, digest, signature)
                    }
                    Hash::Sha384 => {
                        Pss::<Sha384>::new_with_salt(salt).verify(key, digest, signature)
                    }
                    Hash::Sha512 => {
                        Pss::<Sha512>::new_with_salt(salt).verify(key, digest, signature)
                    }
                    Hash::Sha3_256 => {
                        Pss::<Sha3_256>::new_with_salt(salt).verify(key, digest, signature)
                    }
                    Hash::Sha3_384 => {
                        Pss::<Sha3_384>::new_with_salt(salt).verify(key, digest, signature)
                    }
                    Hash::Sha3_512 => {
                        Pss::<Sha3_512>::new_with_salt(salt).verify(key, digest, signature)
                    }
                }
            }
            SignatureAlgorithm::Pkcs1(hash) => match hash {
                Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
                Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
                Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
                // The API has no name for it.
                Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => {
                    return Err(Rejected::BadSignature);
                }
            }
            .verify(key, digest, signature),
        }
        .map_err(|_| Rejected::BadSignature)
    }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
#[derive(der::Sequence)]
struct Numbers<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn number(number: &UintRef<'_>) -> Result<BoxedUint, Rejected> {
    let octets = number.as_bytes();
    let bits = u32::try_from(octets.len() * 8).map_err(|_| not_read())?;
    BoxedUint::from_be_slice(octets, bits).map_err(|_| not_read())
}

fn not_read() -> Rejected {
    Rejected::UnreadableCertificate("the key")
}
