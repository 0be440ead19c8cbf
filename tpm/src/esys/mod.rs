//! One ESYS context of tpm2-tss, and just the commands that the scheme uses.
//!
//! `tss-esapi` 7.7 has the bindings and the constants; its own `Context` lacks calls that we need
//! (nonceTPM, PolicyCounterTimer, NV_ChangeAuth, NV_Certify) and keeps its pointer to itself, so
//! the context is owned here. One function here is one TPM command, unless its comment says
//! otherwise. Handles and sessions flush themselves when dropped.
//!
//! This is the only module with `unsafe`. It is public for the tests, which attack a vault's
//! objects with it; programs use [`crate::TpmVault`].

mod commands_attack;
mod commands_key;
mod commands_nv;
mod commands_policy;
mod commands_session;
mod commands_tpm;
mod context;
mod error;
mod handle;
mod structures;

pub use commands_attack::SavedSession;
pub use commands_key::Verified;
pub(crate) use commands_key::unexpected as malformed_response;
pub use commands_nv::{Certified, NvAuthority};
pub use commands_policy::SignedAssertion;
pub use commands_session::{NO_SESSIONS, SessionKind, SessionUse};
pub use context::{Context, silence_library_log};
pub use error::{EsysError, response};
pub use handle::{
    Authorization, AuthorizedObject, NULL_HIERARCHY, OWNER, Object, Permanent, Session,
};
pub use structures::{NvPublic, PrivateArea, PublicArea, StructureError, attributes};
