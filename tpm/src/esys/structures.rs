//! The TPM's structures as plain Rust: public areas, wrapped private areas, NV public areas.
#![allow(unsafe_code)] // reading C unions, and marshalling by tpm2-tss

use sha2::{Digest, Sha256};
use tss_esapi::constants::tss::{
    TPM2_ALG_AES, TPM2_ALG_CFB, TPM2_ALG_ECC, TPM2_ALG_ECDSA, TPM2_ALG_NULL, TPM2_ALG_RSA,
    TPM2_ALG_SHA256, TPM2_ECC_NIST_P256,
};
use tss_esapi::tss2_esys::{
    TPM2B_ECC_PARAMETER, TPM2B_PUBLIC, TPM2B_PUBLIC_KEY_RSA, TPMS_ECC_PARMS, TPMS_ECC_POINT,
    TPMS_RSA_PARMS, TPMS_SCHEME_HASH, TPMS_SIGNATURE_ECC, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME,
    TPMT_PUBLIC, TPMT_RSA_SCHEME, TPMT_SIGNATURE, TPMT_SYM_DEF_OBJECT, TPMU_ASYM_SCHEME,
    TPMU_PUBLIC_ID, TPMU_PUBLIC_PARMS, TPMU_SIGNATURE, TPMU_SYM_KEY_BITS, TPMU_SYM_MODE,
    Tss2_MU_TPM2B_PUBLIC_Marshal, Tss2_MU_TPM2B_PUBLIC_Unmarshal,
};

use super::error::EsysError;

/// Attributes of keys (TPM 2.0 Part 2 section 8.3).
pub mod attributes {
    pub use tss_esapi::constants::tss::{
        TPMA_OBJECT_ADMINWITHPOLICY as ADMIN_WITH_POLICY, TPMA_OBJECT_DECRYPT as DECRYPT,
        TPMA_OBJECT_FIXEDPARENT as FIXED_PARENT, TPMA_OBJECT_FIXEDTPM as FIXED_TPM,
        TPMA_OBJECT_NODA as NO_DA, TPMA_OBJECT_RESTRICTED as RESTRICTED,
        TPMA_OBJECT_SENSITIVEDATAORIGIN as SENSITIVE_DATA_ORIGIN, TPMA_OBJECT_SIGN_ENCRYPT as SIGN,
        TPMA_OBJECT_USERWITHAUTH as USER_WITH_AUTH,
    };
}

/// Something does not have the size or form of a TPM structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a structure that a TPM takes: {0}")]
pub struct StructureError(pub &'static str);

impl StructureError {
    /// The error of a command whose argument was this.
    pub(super) fn during(self, command: &'static str) -> EsysError {
        const MU_BAD_SIZE: u32 = 0x0009_0006;
        EsysError {
            command,
            code: MU_BAD_SIZE,
        }
    }
}

/// A `TPM2B_…` of the given type and buffer field, filled from a slice: `Result<_, StructureError>`.
macro_rules! sized {
    ($type:ty, $field:ident, $octets:expr) => {{
        let octets: &[u8] = $octets;
        let mut filled = <$type>::default();
        match filled.$field.get_mut(..octets.len()) {
            Some(target) => {
                target.copy_from_slice(octets);
                filled.size = octets.len() as u16;
                Ok(filled)
            }
            None => Err($crate::esys::structures::StructureError(stringify!($type))),
        }
    }};
}
pub(super) use sized;

/// The public area of a key.
#[derive(Clone, Copy)]
pub struct PublicArea(pub(super) TPM2B_PUBLIC);

impl PublicArea {
    /// A P-256 key. `restricted_parent` makes a storage key (AES-128-CFB), otherwise it is a
    /// signing key; `ecdsa` fixes its scheme to ECDSA with SHA-256. `point` is the public point, or
    /// for a new key what its `unique` field shall be: 65 octets, uncompressed.
    pub fn p256(
        object_attributes: u32,
        restricted_parent: bool,
        ecdsa: bool,
        point: Option<&[u8; 65]>,
    ) -> Self {
        let mut unique = TPMS_ECC_POINT::default();
        if let Some(point) = point {
            unique.x = coordinate(&point[1..33]);
            unique.y = coordinate(&point[33..]);
        }
        Self::of(TPMT_PUBLIC {
            type_: TPM2_ALG_ECC,
            nameAlg: TPM2_ALG_SHA256,
            objectAttributes: object_attributes,
            parameters: TPMU_PUBLIC_PARMS {
                eccDetail: TPMS_ECC_PARMS {
                    symmetric: symmetric(restricted_parent),
                    scheme: TPMT_ECC_SCHEME {
                        scheme: if ecdsa { TPM2_ALG_ECDSA } else { TPM2_ALG_NULL },
                        details: TPMU_ASYM_SCHEME {
                            ecdsa: TPMS_SCHEME_HASH {
                                hashAlg: TPM2_ALG_SHA256,
                            },
                        },
                    },
                    curveID: TPM2_ECC_NIST_P256,
                    kdf: TPMT_KDF_SCHEME {
                        scheme: TPM2_ALG_NULL,
                        ..Default::default()
                    },
                },
            },
            unique: TPMU_PUBLIC_ID { ecc: unique },
            ..Default::default()
        })
    }

    /// A new RSA key with exponent 65537 and no scheme, behind a policy.
    pub fn rsa(object_attributes: u32, bits: u16, policy: &[u8; 32]) -> Self {
        let mut area = TPMT_PUBLIC {
            type_: TPM2_ALG_RSA,
            nameAlg: TPM2_ALG_SHA256,
            objectAttributes: object_attributes,
            parameters: TPMU_PUBLIC_PARMS {
                rsaDetail: TPMS_RSA_PARMS {
                    symmetric: symmetric(false),
                    scheme: TPMT_RSA_SCHEME {
                        scheme: TPM2_ALG_NULL,
                        ..Default::default()
                    },
                    keyBits: bits,
                    // Zero stands for 65537 (TPM 2.0 Part 2 section 12.2.3.5).
                    exponent: 0,
                },
            },
            unique: TPMU_PUBLIC_ID {
                rsa: TPM2B_PUBLIC_KEY_RSA::default(),
            },
            ..Default::default()
        };
        area.authPolicy.size = policy.len() as u16;
        area.authPolicy.buffer[..policy.len()].copy_from_slice(policy);
        Self::of(area)
    }

    fn of(area: TPMT_PUBLIC) -> Self {
        Self(TPM2B_PUBLIC {
            size: 0,
            publicArea: area,
        })
    }

    /// Reads a marshalled `TPM2B_PUBLIC`.
    pub fn from_octets(octets: &[u8]) -> Result<Self, StructureError> {
        let mut area = TPM2B_PUBLIC::default();
        let mut offset = 0;
        // SAFETY: the length is the slice's; the out pointers are valid.
        let code = unsafe {
            Tss2_MU_TPM2B_PUBLIC_Unmarshal(
                octets.as_ptr(),
                octets.len() as _,
                &mut offset,
                &mut area,
            )
        };
        if code != 0 || offset as usize != octets.len() {
            return Err(StructureError("TPM2B_PUBLIC"));
        }
        Ok(Self(area))
    }

    /// The marshalled `TPM2B_PUBLIC`.
    pub fn to_octets(&self) -> Result<Vec<u8>, StructureError> {
        let mut octets = vec![0; size_of::<TPM2B_PUBLIC>()];
        let mut offset = 0;
        // SAFETY: the buffer is as long as said; marshalled structures are shorter than in memory.
        let code = unsafe {
            Tss2_MU_TPM2B_PUBLIC_Marshal(
                &self.0,
                octets.as_mut_ptr(),
                octets.len() as _,
                &mut offset,
            )
        };
        if code != 0 {
            return Err(StructureError("TPM2B_PUBLIC"));
        }
        octets.truncate(offset as usize);
        Ok(octets)
    }

    /// The Name: hash algorithm and digest of the public area (TPM 2.0 Part 1 section 16).
    pub fn name(&self) -> Result<Vec<u8>, StructureError> {
        let mut name = TPM2_ALG_SHA256.to_be_bytes().to_vec();
        let octets = self.to_octets()?;
        let area = octets.get(2..).ok_or(StructureError("TPM2B_PUBLIC"))?;
        name.extend(Sha256::digest(area));
        Ok(name)
    }

    /// The attributes.
    pub fn object_attributes(&self) -> u32 {
        self.0.publicArea.objectAttributes
    }

    /// The modulus of an RSA key, big endian.
    pub fn modulus(&self) -> Option<Vec<u8>> {
        (self.0.publicArea.type_ == TPM2_ALG_RSA).then(|| {
            // SAFETY: the type says which member of the union is in use; all are plain octets.
            let modulus = unsafe { self.0.publicArea.unique.rsa };
            modulus.buffer[..usize::from(modulus.size).min(modulus.buffer.len())].to_vec()
        })
    }

    /// The point of a P-256 key, uncompressed.
    pub fn point(&self) -> Option<[u8; 65]> {
        if self.0.publicArea.type_ != TPM2_ALG_ECC {
            return None;
        }
        // SAFETY: the type says which member of the union is in use; all are plain octets.
        let point = unsafe { self.0.publicArea.unique.ecc };
        let mut octets = [4; 65];
        octets[1..33].copy_from_slice(&fixed(&point.x)?);
        octets[33..].copy_from_slice(&fixed(&point.y)?);
        Some(octets)
    }
}

fn symmetric(present: bool) -> TPMT_SYM_DEF_OBJECT {
    TPMT_SYM_DEF_OBJECT {
        algorithm: if present { TPM2_ALG_AES } else { TPM2_ALG_NULL },
        keyBits: TPMU_SYM_KEY_BITS { aes: 128 },
        mode: TPMU_SYM_MODE { aes: TPM2_ALG_CFB },
    }
}

fn coordinate(octets: &[u8]) -> TPM2B_ECC_PARAMETER {
    let mut parameter = TPM2B_ECC_PARAMETER {
        size: octets.len() as u16,
        ..Default::default()
    };
    parameter.buffer[..octets.len()].copy_from_slice(octets);
    parameter
}

/// A number of a P-256 key or signature with leading zeros: some TPMs leave them out.
fn fixed(parameter: &TPM2B_ECC_PARAMETER) -> Option<[u8; 32]> {
    let octets = parameter.buffer.get(..usize::from(parameter.size))?;
    let mut fixed = [0; 32];
    fixed
        .get_mut(32usize.checked_sub(octets.len())?..)?
        .copy_from_slice(octets);
    Some(fixed)
}

/// ECDSA P-256 with SHA-256 from `r` and `s`, 64 octets.
pub(super) fn signature_from_octets(octets: &[u8; 64]) -> TPMT_SIGNATURE {
    TPMT_SIGNATURE {
        sigAlg: TPM2_ALG_ECDSA,
        signature: TPMU_SIGNATURE {
            ecdsa: TPMS_SIGNATURE_ECC {
                hash: TPM2_ALG_SHA256,
                signatureR: coordinate(&octets[..32]),
                signatureS: coordinate(&octets[32..]),
            },
        },
    }
}

/// `r` and `s` of an ECDSA P-256 signature.
pub(super) fn signature_to_octets(signature: &TPMT_SIGNATURE) -> Option<[u8; 64]> {
    if signature.sigAlg != TPM2_ALG_ECDSA {
        return None;
    }
    // SAFETY: the algorithm says which member of the union is in use; all are plain octets.
    let signature = unsafe { signature.signature.ecdsa };
    let mut octets = [0; 64];
    octets[..32].copy_from_slice(&fixed(&signature.signatureR)?);
    octets[32..].copy_from_slice(&fixed(&signature.signatureS)?);
    Some(octets)
}

/// A private area, wrapped by its parent: opaque, and worthless without that TPM.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateArea(pub Vec<u8>);

/// The public area of an NV index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvPublic {
    /// The handle.
    pub handle: u32,
    /// The attributes.
    pub attributes: u32,
    /// The policy: a SHA-256 digest, or nothing.
    pub policy: Vec<u8>,
    /// The size of the contents.
    pub size: u16,
}
