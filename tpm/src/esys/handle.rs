//! Handles and sessions that clean up after themselves.
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use std::sync::atomic::{AtomicBool, Ordering};

use tss_esapi::tss2_esys::{
    ESYS_TR, ESYS_TR_NONE, ESYS_TR_PASSWORD, ESYS_TR_RH_NULL, ESYS_TR_RH_OWNER, Esys_FlushContext,
    Esys_TR_Close, Esys_TR_GetName, Esys_TR_SetAuth, TPM2B_AUTH,
};

use super::context::{Context, Returned};
use super::error::EsysError;
use super::structures::{StructureError, sized};

/// A hierarchy of the TPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permanent(pub(super) ESYS_TR);

/// The owner hierarchy.
pub const OWNER: Permanent = Permanent(ESYS_TR_RH_OWNER);
/// The NULL hierarchy, whose seed changes with every reset of the TPM.
pub const NULL_HIERARCHY: Permanent = Permanent(ESYS_TR_RH_NULL);

/// A key or an NV index. A transient key is flushed when this is dropped.
pub struct Object {
    context: Context,
    handle: ESYS_TR,
    transient: bool,
}

impl Object {
    /// A key in one of the TPM's few slots.
    pub(super) fn transient(context: &Context, handle: ESYS_TR) -> Self {
        Self {
            context: context.clone(),
            handle,
            transient: true,
        }
    }

    /// Something that stays in the TPM: a persistent key or an NV index.
    pub(super) fn lasting(context: &Context, handle: ESYS_TR) -> Self {
        Self {
            context: context.clone(),
            handle,
            transient: false,
        }
    }

    pub(super) fn handle(&self) -> ESYS_TR {
        self.handle
    }

    /// The Name as the library knows it; sends no command.
    pub fn name(&self) -> Result<Vec<u8>, EsysError> {
        const COMMAND: &str = "Esys_TR_GetName";
        let mut name = Returned::empty();
        self.context.call(COMMAND, &[], |esys, _| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe { Esys_TR_GetName(esys, self.handle, name.slot()) }
        })?;
        let name = name.get(COMMAND)?;
        Ok(name.name[..usize::from(name.size).min(name.name.len())].to_vec())
    }

    /// Lends the library an authValue for as long as the guard lives; sends no command.
    pub fn authorize(&self, value: &[u8]) -> Result<AuthorizedObject<'_>, EsysError> {
        set_authorization(&self.context, self.handle, value)?;
        Ok(AuthorizedObject(self))
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.context.is_broken() {
            return;
        }
        // A failure to flush leaves nothing to be done: the resource manager cleans up when the
        // connection closes.
        let _ = self.context.call("FlushContext", &[], |esys, _| {
            // SAFETY: the context is locked and alive; the handle is this object's own and is not
            // used again.
            unsafe {
                if self.transient {
                    Esys_FlushContext(esys, self.handle)
                } else {
                    Esys_TR_Close(esys, &mut self.handle)
                }
            }
        });
    }
}

/// While this lives, the library knows the object's authValue.
pub struct AuthorizedObject<'a>(&'a Object);

impl Drop for AuthorizedObject<'_> {
    fn drop(&mut self) {
        let _ = set_authorization(&self.0.context, self.0.handle, &[]);
    }
}

impl Context {
    /// Lends the library the owner password; sends no command.
    pub fn set_owner_password(&self, password: &[u8]) -> Result<(), EsysError> {
        set_authorization(self, ESYS_TR_RH_OWNER, password)
    }
}

/// The library copies the whole structure, so that an empty value overwrites the last one.
fn set_authorization(context: &Context, handle: ESYS_TR, value: &[u8]) -> Result<(), EsysError> {
    const COMMAND: &str = "Esys_TR_SetAuth";
    let mut authorization: TPM2B_AUTH =
        sized!(TPM2B_AUTH, buffer, value).map_err(|error: StructureError| error.during(COMMAND))?;
    let result = context.call(COMMAND, &[], |esys, _| {
        // SAFETY: the context is locked and alive; the structure is copied during the call.
        unsafe { Esys_TR_SetAuth(esys, handle, &authorization) }
    });
    zeroize::Zeroize::zeroize(&mut authorization.buffer);
    result
}

/// A session. It is flushed when this is dropped, unless the TPM ended it with a command.
pub struct Session {
    context: Context,
    handle: ESYS_TR,
    continues: AtomicBool,
    ended: AtomicBool,
}

impl Session {
    pub(super) fn new(context: &Context, handle: ESYS_TR) -> Self {
        Self {
            context: context.clone(),
            handle,
            continues: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    pub(super) fn handle(&self) -> ESYS_TR {
        self.handle
    }

    /// The session is no longer in the TPM: there is nothing to flush.
    pub(super) fn forget(self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_continues(&self, continues: bool) {
        self.continues.store(continues, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.context.is_broken() || self.ended.load(Ordering::Relaxed) {
            return;
        }
        let _ = self.context.call("FlushContext", &[], |esys, _| {
            // SAFETY: the context is locked and alive; the session is this one's own and is not
            // used again.
            unsafe { Esys_FlushContext(esys, self.handle) }
        });
    }
}

/// What a command's handle is authorized with, or a session that only encrypts.
#[derive(Clone, Copy)]
pub enum Authorization<'a> {
    /// The authValue itself, in clear: only for empty ones and those of no worth.
    Password,
    /// A session.
    Session(&'a Session),
    /// None: that slot is empty.
    None,
}

impl Authorization<'_> {
    pub(super) fn handle(&self) -> ESYS_TR {
        match self {
            Self::Password => ESYS_TR_PASSWORD,
            Self::Session(session) => session.handle,
            Self::None => ESYS_TR_NONE,
        }
    }

    /// The command with this authorization succeeded: the TPM ended a session that was not to be
    /// continued (TPM 2.0 Part 1 section 17.6.3), and the library forgot it.
    pub(super) fn used(&self) {
        if let Self::Session(session) = self
            && !session.continues.load(Ordering::Relaxed)
        {
            session.ended.store(true, Ordering::Relaxed);
        }
    }
}
