//! Commands that no program of ours sends: the tests attack, and set the stage, with them.
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use tss_esapi::tss2_esys::{
    ESYS_TR_NONE, ESYS_TR_PASSWORD, ESYS_TR_RH_OWNER, Esys_ContextLoad, Esys_ContextSave,
    Esys_HierarchyChangeAuth, Esys_PolicyAuthValue, TPM2B_AUTH, TPMS_CONTEXT,
};

use super::commands_session::NO_SESSIONS;
use super::context::{Context, Returned};
use super::error::EsysError;
use super::handle::Session;
use super::structures::sized;

/// A session that was put away; its slot in the TPM is free.
#[derive(Clone)]
pub struct SavedSession(TPMS_CONTEXT);

impl Context {
    /// `ContextSave` of a session.
    pub fn save_session(&self, session: Session) -> Result<SavedSession, EsysError> {
        const COMMAND: &str = "ContextSave";
        let mut saved = Returned::<TPMS_CONTEXT>::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, _| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe { Esys_ContextSave(esys, session.handle(), saved.slot()) }
        })?;
        // The TPM has put it away, and the library has forgotten its handle.
        session.forget();
        Ok(SavedSession(*saved.get(COMMAND)?))
    }

    /// `ContextLoad` of a session that ends with its next command.
    pub fn load_session(&self, saved: &SavedSession) -> Result<Session, EsysError> {
        let mut handle = ESYS_TR_NONE;
        self.call("ContextLoad", &NO_SESSIONS, |esys, _| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe { Esys_ContextLoad(esys, &saved.0, &mut handle) }
        })?;
        Ok(Session::new(self, handle))
    }

    /// `PolicyAuthValue`: what would get round the limit, if a policy of ours had it.
    pub fn policy_auth_value(&self, session: &Session) -> Result<(), EsysError> {
        self.call("PolicyAuthValue", &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive.
            unsafe { Esys_PolicyAuthValue(esys, session.handle(), none[0], none[1], none[2]) }
        })
    }

    /// `HierarchyChangeAuth` of the owner, whose password was empty. In clear.
    pub fn change_owner_password(&self, password: &[u8]) -> Result<(), EsysError> {
        const COMMAND: &str = "HierarchyChangeAuth";
        let password =
            sized!(TPM2B_AUTH, buffer, password).map_err(|error| error.during(COMMAND))?;
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the pointer valid.
            unsafe {
                Esys_HierarchyChangeAuth(
                    esys,
                    ESYS_TR_RH_OWNER,
                    ESYS_TR_PASSWORD,
                    none[1],
                    none[2],
                    &password,
                )
            }
        })
    }
}
