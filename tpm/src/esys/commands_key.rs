//! Keys: make, load, sign, verify, decrypt.
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use std::ptr::null_mut;

use tss_esapi::constants::tss::{
    TPM2_ALG_ECDSA, TPM2_ALG_NULL, TPM2_ALG_SHA256, TPM2_RH_NULL, TPM2_ST_HASHCHECK,
};
use tss_esapi::tss2_esys::{
    ESYS_TR_NONE, ESYS_TR_RH_OWNER, Esys_Create, Esys_CreatePrimary, Esys_EvictControl, Esys_Load,
    Esys_LoadExternal, Esys_RSA_Decrypt, Esys_ReadPublic, Esys_Sign, Esys_TR_FromTPMPublic,
    Esys_VerifySignature, TPM2B_DATA, TPM2B_DIGEST, TPM2B_PRIVATE, TPM2B_PUBLIC_KEY_RSA,
    TPM2B_SENSITIVE_CREATE, TPML_PCR_SELECTION, TPMS_SCHEME_HASH, TPMT_RSA_DECRYPT,
    TPMT_SIG_SCHEME, TPMT_TK_HASHCHECK, TPMT_TK_VERIFIED, TPMU_SIG_SCHEME,
};
use zeroize::Zeroizing;

use super::commands_session::NO_SESSIONS;
use super::context::{Context, Returned};
use super::error::EsysError;
use super::handle::{Authorization, Object, Permanent};
use super::structures::{
    PrivateArea, PublicArea, signature_from_octets, signature_to_octets, sized,
};

/// The proof of a TPM to itself that it verified a signature.
pub struct Verified(pub(super) TPMT_TK_VERIFIED);

impl Context {
    /// A lasting handle by its number: one `ReadPublic`, or `NV_ReadPublic` for an NV index.
    pub fn open(&self, handle: u32) -> Result<Object, EsysError> {
        let mut object = ESYS_TR_NONE;
        self.call("ReadPublic", &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe { Esys_TR_FromTPMPublic(esys, handle, none[0], none[1], none[2], &mut object) }
        })?;
        Ok(Object::lasting(self, object))
    }

    /// `ReadPublic`.
    pub fn read_public(&self, key: &Object) -> Result<PublicArea, EsysError> {
        const COMMAND: &str = "ReadPublic";
        let mut area = Returned::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive; null out pointers are not filled.
            unsafe {
                Esys_ReadPublic(
                    esys,
                    key.handle(),
                    none[0],
                    none[1],
                    none[2],
                    area.slot(),
                    null_mut(),
                    null_mut(),
                )
            }
        })?;
        Ok(PublicArea(*area.get(COMMAND)?))
    }

    /// `CreatePrimary`, with an empty authValue.
    pub fn create_primary(
        &self,
        hierarchy: Permanent,
        authorization: Authorization<'_>,
        template: &PublicArea,
    ) -> Result<(Object, PublicArea), EsysError> {
        const COMMAND: &str = "CreatePrimary";
        let sensitive = TPM2B_SENSITIVE_CREATE::default();
        let mut handle = ESYS_TR_NONE;
        let mut area = Returned::empty();
        self.call(COMMAND, &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive; null out pointers are not filled.
            unsafe {
                Esys_CreatePrimary(
                    esys,
                    hierarchy.0,
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &sensitive,
                    &template.0,
                    &TPM2B_DATA::default(),
                    &TPML_PCR_SELECTION::default(),
                    &mut handle,
                    area.slot(),
                    null_mut(),
                    null_mut(),
                    null_mut(),
                )
            }
        })?;
        Ok((
            Object::transient(self, handle),
            PublicArea(*area.get(COMMAND)?),
        ))
    }

    /// `EvictControl` of the owner: makes a transient key persistent.
    pub fn make_persistent(
        &self,
        authorization: Authorization<'_>,
        key: &Object,
        handle: u32,
    ) -> Result<Object, EsysError> {
        let mut persistent = ESYS_TR_NONE;
        self.call("EvictControl", &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe {
                Esys_EvictControl(
                    esys,
                    ESYS_TR_RH_OWNER,
                    key.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    handle,
                    &mut persistent,
                )
            }
        })?;
        Ok(Object::lasting(self, persistent))
    }

    /// `Create` below a parent with an empty authValue, itself with an empty authValue.
    pub fn create(
        &self,
        parent: &Object,
        template: &PublicArea,
    ) -> Result<(PrivateArea, PublicArea), EsysError> {
        const COMMAND: &str = "Create";
        let sensitive = TPM2B_SENSITIVE_CREATE::default();
        let mut private = Returned::<TPM2B_PRIVATE>::empty();
        let mut area = Returned::empty();
        self.call(COMMAND, &[Authorization::Password], |esys, sessions| {
            // SAFETY: the context is locked and alive; null out pointers are not filled.
            unsafe {
                Esys_Create(
                    esys,
                    parent.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &sensitive,
                    &template.0,
                    &TPM2B_DATA::default(),
                    &TPML_PCR_SELECTION::default(),
                    private.slot(),
                    area.slot(),
                    null_mut(),
                    null_mut(),
                    null_mut(),
                )
            }
        })?;
        let private = private.get(COMMAND)?;
        Ok((
            PrivateArea(
                private.buffer[..usize::from(private.size).min(private.buffer.len())].to_vec(),
            ),
            PublicArea(*area.get(COMMAND)?),
        ))
    }

    /// `Load` below a parent with an empty authValue.
    pub fn load(
        &self,
        parent: &Object,
        private: &PrivateArea,
        public: &PublicArea,
    ) -> Result<Object, EsysError> {
        const COMMAND: &str = "Load";
        let private =
            sized!(TPM2B_PRIVATE, buffer, &private.0).map_err(|error| error.during(COMMAND))?;
        let mut handle = ESYS_TR_NONE;
        self.call(COMMAND, &[Authorization::Password], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_Load(
                    esys,
                    parent.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &private,
                    &public.0,
                    &mut handle,
                )
            }
        })?;
        Ok(Object::transient(self, handle))
    }

    /// `LoadExternal` of a public key into the owner hierarchy: a ticket of the NULL hierarchy
    /// would not be accepted by `PolicyAuthorize` in every TPM.
    pub fn load_external(&self, public: &PublicArea) -> Result<Object, EsysError> {
        let mut handle = ESYS_TR_NONE;
        self.call("LoadExternal", &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive; a null private part means a public key.
            unsafe {
                Esys_LoadExternal(
                    esys,
                    none[0],
                    none[1],
                    none[2],
                    std::ptr::null(),
                    &public.0,
                    ESYS_TR_RH_OWNER,
                    &mut handle,
                )
            }
        })?;
        Ok(Object::transient(self, handle))
    }

    /// `Sign` of a SHA-256 digest by a P-256 key with an empty authValue: `r` and `s`.
    pub fn sign(&self, key: &Object, digest: &[u8; 32]) -> Result<[u8; 64], EsysError> {
        const COMMAND: &str = "Sign";
        let digest = sized!(TPM2B_DIGEST, buffer, digest).map_err(|error| error.during(COMMAND))?;
        // Not a restricted key: it needs no proof of where the digest came from.
        let validation = TPMT_TK_HASHCHECK {
            tag: TPM2_ST_HASHCHECK,
            hierarchy: TPM2_RH_NULL,
            ..Default::default()
        };
        let scheme = ecdsa_sha256();
        let mut signature = Returned::empty();
        self.call(COMMAND, &[Authorization::Password], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_Sign(
                    esys,
                    key.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &digest,
                    &scheme,
                    &validation,
                    signature.slot(),
                )
            }
        })?;
        signature_to_octets(signature.get(COMMAND)?).ok_or_else(|| unexpected(COMMAND))
    }

    /// `VerifySignature` of a SHA-256 digest by a P-256 key.
    pub fn verify_signature(
        &self,
        key: &Object,
        digest: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<Verified, EsysError> {
        const COMMAND: &str = "VerifySignature";
        let digest = sized!(TPM2B_DIGEST, buffer, digest).map_err(|error| error.during(COMMAND))?;
        let signature = signature_from_octets(signature);
        let mut ticket = Returned::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_VerifySignature(
                    esys,
                    key.handle(),
                    none[0],
                    none[1],
                    none[2],
                    &digest,
                    &signature,
                    ticket.slot(),
                )
            }
        })?;
        Ok(Verified(*ticket.get(COMMAND)?))
    }

    /// `RSA_Decrypt` without a scheme: the raw RSA private operation. `message` is below the
    /// modulus and exactly as long; so is the answer. `encryption` hides both.
    pub fn rsa_decrypt(
        &self,
        key: &Object,
        authorization: Authorization<'_>,
        encryption: Authorization<'_>,
        message: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EsysError> {
        const COMMAND: &str = "RSA_Decrypt";
        let mut message =
            sized!(TPM2B_PUBLIC_KEY_RSA, buffer, message).map_err(|error| error.during(COMMAND))?;
        let scheme = TPMT_RSA_DECRYPT {
            scheme: TPM2_ALG_NULL,
            ..Default::default()
        };
        let mut answer = Returned::<TPM2B_PUBLIC_KEY_RSA>::empty();
        let result = self.call(COMMAND, &[authorization, encryption], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_RSA_Decrypt(
                    esys,
                    key.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &message,
                    &scheme,
                    &TPM2B_DATA::default(),
                    answer.slot(),
                )
            }
        });
        zeroize::Zeroize::zeroize(&mut message.buffer);
        result?;
        let answer = answer.get(COMMAND)?;
        Ok(Zeroizing::new(
            answer.buffer[..usize::from(answer.size).min(answer.buffer.len())].to_vec(),
        ))
    }
}

pub(super) fn ecdsa_sha256() -> TPMT_SIG_SCHEME {
    TPMT_SIG_SCHEME {
        scheme: TPM2_ALG_ECDSA,
        details: TPMU_SIG_SCHEME {
            ecdsa: TPMS_SCHEME_HASH {
                hashAlg: TPM2_ALG_SHA256,
            },
        },
    }
}

/// The TPM answered with success and something else than was asked for.
pub(crate) fn unexpected(command: &'static str) -> EsysError {
    const ESYS_MALFORMED_RESPONSE: u32 = 0x0007_001d;
    EsysError {
        command,
        code: ESYS_MALFORMED_RESPONSE,
    }
}
