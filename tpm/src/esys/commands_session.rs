//! Sessions.
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use tss_esapi::constants::tss::{
    TPM2_ALG_AES, TPM2_ALG_CFB, TPM2_ALG_SHA256, TPM2_SE_HMAC, TPM2_SE_POLICY,
    TPMA_SESSION_CONTINUESESSION, TPMA_SESSION_DECRYPT, TPMA_SESSION_ENCRYPT,
};
use tss_esapi::tss2_esys::{
    ESYS_TR_NONE, Esys_StartAuthSession, Esys_TRSess_GetNonceTPM, Esys_TRSess_SetAttributes,
    TPMT_SYM_DEF, TPMU_SYM_KEY_BITS, TPMU_SYM_MODE,
};

use super::context::{Context, Returned};
use super::error::EsysError;
use super::handle::{Authorization, Object, Session};

/// No authorization at all.
pub const NO_SESSIONS: [Authorization<'static>; 0] = [];

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Proves authValues, and encrypts parameters.
    Hmac,
    /// Fulfils a policy.
    Policy,
}

/// How the next commands use a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionUse {
    /// The session outlives the command.
    pub continues: bool,
    /// It encrypts the command's first parameter.
    pub encrypts_command: bool,
    /// It encrypts the response's first parameter.
    pub encrypts_response: bool,
}

impl SessionUse {
    /// It lives on, and encrypts nothing.
    pub const CONTINUED: Self = Self {
        continues: true,
        encrypts_command: false,
        encrypts_response: false,
    };
    /// It ends with the command, and encrypts nothing.
    pub const LAST: Self = Self {
        continues: false,
        encrypts_command: false,
        encrypts_response: false,
    };
    /// It ends with the command, whose first parameter it encrypts.
    pub const LAST_ENCRYPTING: Self = Self {
        continues: false,
        encrypts_command: true,
        encrypts_response: false,
    };
    /// It ends with the command, and encrypts both ways.
    pub const LAST_ENCRYPTING_BOTH: Self = Self {
        continues: false,
        encrypts_command: true,
        encrypts_response: true,
    };
}

impl Context {
    /// `StartAuthSession`. Salted to a key whose Name the caller has checked, a session's key is
    /// known to nobody on the bus. `bind` is for tests alone.
    pub fn start_session(
        &self,
        kind: SessionKind,
        salt: Option<&Object>,
        bind: Option<&Object>,
        session_use: SessionUse,
    ) -> Result<Session, EsysError> {
        let symmetric = TPMT_SYM_DEF {
            algorithm: TPM2_ALG_AES,
            keyBits: TPMU_SYM_KEY_BITS { aes: 128 },
            mode: TPMU_SYM_MODE { aes: TPM2_ALG_CFB },
        };
        let kind = match kind {
            SessionKind::Hmac => TPM2_SE_HMAC,
            SessionKind::Policy => TPM2_SE_POLICY,
        };
        let mut handle = ESYS_TR_NONE;
        self.call("StartAuthSession", &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive; a null nonce means that the library draws
            // one; the other pointers are valid.
            unsafe {
                Esys_StartAuthSession(
                    esys,
                    salt.map_or(ESYS_TR_NONE, Object::handle),
                    bind.map_or(ESYS_TR_NONE, Object::handle),
                    none[0],
                    none[1],
                    none[2],
                    std::ptr::null(),
                    kind,
                    &symmetric,
                    TPM2_ALG_SHA256,
                    &mut handle,
                )
            }
        })?;
        let session = Session::new(self, handle);
        session.set_use(session_use)?;
        Ok(session)
    }
}

impl Session {
    /// Says how the next commands use this session; sends no command.
    pub fn set_use(&self, session_use: SessionUse) -> Result<(), EsysError> {
        let mut flags = 0;
        for (wanted, flag) in [
            (session_use.continues, TPMA_SESSION_CONTINUESESSION),
            (session_use.encrypts_command, TPMA_SESSION_DECRYPT),
            (session_use.encrypts_response, TPMA_SESSION_ENCRYPT),
        ] {
            if wanted {
                flags |= flag;
            }
        }
        self.set_continues(session_use.continues);
        self.context()
            .call("Esys_TRSess_SetAttributes", &NO_SESSIONS, |esys, _| {
                // SAFETY: the context is locked and alive, the session is alive.
                unsafe { Esys_TRSess_SetAttributes(esys, self.handle(), flags, 0xff) }
            })
    }

    /// The TPM's newest nonce in this session; sends no command.
    pub fn nonce(&self) -> Result<Vec<u8>, EsysError> {
        const COMMAND: &str = "Esys_TRSess_GetNonceTPM";
        let mut nonce = Returned::empty();
        self.context().call(COMMAND, &NO_SESSIONS, |esys, _| {
            // SAFETY: the context is locked and alive, the session is alive, the out pointer valid.
            unsafe { Esys_TRSess_GetNonceTPM(esys, self.handle(), nonce.slot()) }
        })?;
        let nonce = nonce.get(COMMAND)?;
        Ok(nonce.buffer[..usize::from(nonce.size).min(nonce.buffer.len())].to_vec())
    }
}
