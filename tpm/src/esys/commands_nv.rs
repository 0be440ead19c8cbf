//! NV indices (TPM 2.0 Part 3 section 31).
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use tss_esapi::constants::tss::TPM2_ALG_SHA256;
use tss_esapi::tss2_esys::{
    ESYS_TR, ESYS_TR_NONE, ESYS_TR_RH_OWNER, Esys_NV_Certify, Esys_NV_ChangeAuth,
    Esys_NV_DefineSpace, Esys_NV_Read, Esys_NV_ReadPublic, Esys_NV_UndefineSpace, Esys_NV_Write,
    TPM2B_ATTEST, TPM2B_AUTH, TPM2B_DATA, TPM2B_DIGEST, TPM2B_MAX_NV_BUFFER, TPM2B_NAME,
    TPM2B_NV_PUBLIC, TPMS_NV_PUBLIC,
};
use zeroize::Zeroize;

use super::commands_key::{ecdsa_sha256, unexpected};
use super::commands_session::NO_SESSIONS;
use super::context::{Context, Returned};
use super::error::EsysError;
use super::handle::{Authorization, Object};
use super::structures::{NvPublic, signature_to_octets, sized};

/// By whose authorization an NV index is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NvAuthority {
    /// The index's own authValue or policy.
    Index,
    /// The owner's.
    Owner,
}

impl NvAuthority {
    fn handle(self, index: &Object) -> ESYS_TR {
        match self {
            Self::Index => index.handle(),
            Self::Owner => ESYS_TR_RH_OWNER,
        }
    }
}

/// What a TPM certified, and its signature.
pub struct Certified {
    /// The marshalled `TPMS_ATTEST`.
    pub attestation: Vec<u8>,
    /// `r` and `s`.
    pub signature: [u8; 64],
}

impl Context {
    /// `NV_DefineSpace` by the owner. `authorization` has to encrypt, or `auth_value` is seen.
    pub fn nv_define(
        &self,
        authorization: Authorization<'_>,
        auth_value: &[u8],
        public: &NvPublic,
    ) -> Result<Object, EsysError> {
        const COMMAND: &str = "NV_DefineSpace";
        let bad = |error: super::structures::StructureError| error.during(COMMAND);
        let policy = sized!(TPM2B_DIGEST, buffer, &public.policy).map_err(bad)?;
        let mut auth_value = sized!(TPM2B_AUTH, buffer, auth_value).map_err(bad)?;
        let public = TPM2B_NV_PUBLIC {
            size: 0,
            nvPublic: TPMS_NV_PUBLIC {
                nvIndex: public.handle,
                nameAlg: TPM2_ALG_SHA256,
                attributes: public.attributes,
                authPolicy: policy,
                dataSize: public.size,
            },
        };
        let mut handle = ESYS_TR_NONE;
        let result = self.call(COMMAND, &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_NV_DefineSpace(
                    esys,
                    ESYS_TR_RH_OWNER,
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &auth_value,
                    &public,
                    &mut handle,
                )
            }
        });
        auth_value.buffer.zeroize();
        result?;
        Ok(Object::lasting(self, handle))
    }

    /// `NV_UndefineSpace` by the owner.
    pub fn nv_undefine(
        &self,
        authorization: Authorization<'_>,
        index: Object,
    ) -> Result<(), EsysError> {
        self.call("NV_UndefineSpace", &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive.
            unsafe {
                Esys_NV_UndefineSpace(
                    esys,
                    ESYS_TR_RH_OWNER,
                    index.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                )
            }
        })
    }

    /// `NV_ReadPublic`: the public area and the Name as they are now.
    pub fn nv_read_public(&self, index: &Object) -> Result<(NvPublic, Vec<u8>), EsysError> {
        const COMMAND: &str = "NV_ReadPublic";
        let mut public = Returned::<TPM2B_NV_PUBLIC>::empty();
        let mut name = Returned::<TPM2B_NAME>::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the out pointers valid.
            unsafe {
                Esys_NV_ReadPublic(
                    esys,
                    index.handle(),
                    none[0],
                    none[1],
                    none[2],
                    public.slot(),
                    name.slot(),
                )
            }
        })?;
        let public = public.get(COMMAND)?.nvPublic;
        let name = name.get(COMMAND)?;
        let policy = &public.authPolicy;
        Ok((
            NvPublic {
                handle: public.nvIndex,
                attributes: public.attributes,
                policy: policy.buffer[..usize::from(policy.size).min(policy.buffer.len())].to_vec(),
                size: public.dataSize,
            },
            name.name[..usize::from(name.size).min(name.name.len())].to_vec(),
        ))
    }

    /// `NV_Read`.
    pub fn nv_read(
        &self,
        authority: NvAuthority,
        authorization: Authorization<'_>,
        index: &Object,
        size: u16,
    ) -> Result<Vec<u8>, EsysError> {
        const COMMAND: &str = "NV_Read";
        let mut data = Returned::<TPM2B_MAX_NV_BUFFER>::empty();
        self.call(COMMAND, &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe {
                Esys_NV_Read(
                    esys,
                    authority.handle(index),
                    index.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    size,
                    0,
                    data.slot(),
                )
            }
        })?;
        let data = data.get(COMMAND)?;
        Ok(data.buffer[..usize::from(data.size).min(data.buffer.len())].to_vec())
    }

    /// `NV_Write`.
    pub fn nv_write(
        &self,
        authority: NvAuthority,
        authorization: Authorization<'_>,
        index: &Object,
        data: &[u8],
        offset: u16,
    ) -> Result<(), EsysError> {
        const COMMAND: &str = "NV_Write";
        let data =
            sized!(TPM2B_MAX_NV_BUFFER, buffer, data).map_err(|error| error.during(COMMAND))?;
        self.call(COMMAND, &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointer valid.
            unsafe {
                Esys_NV_Write(
                    esys,
                    authority.handle(index),
                    index.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &data,
                    offset,
                )
            }
        })
    }

    /// `NV_ChangeAuth`. `encryption` hides the new authValue.
    pub fn nv_change_auth(
        &self,
        index: &Object,
        authorization: Authorization<'_>,
        encryption: Authorization<'_>,
        auth_value: &[u8],
    ) -> Result<(), EsysError> {
        const COMMAND: &str = "NV_ChangeAuth";
        let mut auth_value =
            sized!(TPM2B_AUTH, buffer, auth_value).map_err(|error| error.during(COMMAND))?;
        let result = self.call(COMMAND, &[authorization, encryption], |esys, sessions| {
            // SAFETY: the context is locked and alive, the pointer valid.
            unsafe {
                Esys_NV_ChangeAuth(
                    esys,
                    index.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &auth_value,
                )
            }
        });
        auth_value.buffer.zeroize();
        result
    }

    /// `NV_Certify` of the first `size` octets by a key with an empty authValue, read by the owner.
    pub fn nv_certify(
        &self,
        key: &Object,
        owner: Authorization<'_>,
        index: &Object,
        nonce: &[u8],
        size: u16,
    ) -> Result<Certified, EsysError> {
        const COMMAND: &str = "NV_Certify";
        let nonce = sized!(TPM2B_DATA, buffer, nonce).map_err(|error| error.during(COMMAND))?;
        let scheme = ecdsa_sha256();
        let mut attestation = Returned::<TPM2B_ATTEST>::empty();
        let mut signature = Returned::empty();
        self.call(
            COMMAND,
            &[Authorization::Password, owner],
            |esys, sessions| {
                // SAFETY: the context is locked and alive, the pointers valid.
                unsafe {
                    Esys_NV_Certify(
                        esys,
                        key.handle(),
                        ESYS_TR_RH_OWNER,
                        index.handle(),
                        sessions[0],
                        sessions[1],
                        sessions[2],
                        &nonce,
                        &scheme,
                        size,
                        0,
                        attestation.slot(),
                        signature.slot(),
                    )
                }
            },
        )?;
        let attestation = attestation.get(COMMAND)?;
        let length = usize::from(attestation.size).min(attestation.attestationData.len());
        Ok(Certified {
            attestation: attestation.attestationData[..length].to_vec(),
            signature: signature_to_octets(signature.get(COMMAND)?)
                .ok_or_else(|| unexpected(COMMAND))?,
        })
    }
}
