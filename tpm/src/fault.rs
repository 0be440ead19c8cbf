//! What the TPM answered, in the vault's words.

use symbolon_vault::VaultError;

use crate::esys::{EsysError, StructureError};

impl From<EsysError> for VaultError {
    fn from(error: EsysError) -> Self {
        if error.is_transport() || error.is_temporary() {
            VaultError::Unavailable {
                detail: error.to_string(),
                source: Some(Box::new(error)),
            }
        } else {
            VaultError::Fault {
                detail: error.to_string(),
                source: Some(Box::new(error)),
            }
        }
    }
}

impl From<StructureError> for VaultError {
    fn from(error: StructureError) -> Self {
        fault(error.to_string())
    }
}

/// For commands that the owner authorizes.
pub(crate) fn by_owner(purpose: &'static str) -> impl Fn(EsysError) -> VaultError {
    move |error| {
        if error.is_wrong_authorization() {
            VaultError::OwnerPassword {
                detail: format!("to {purpose}; an owner password is set on this TPM"),
            }
        } else {
            error.into()
        }
    }
}

pub(crate) fn fault(detail: impl Into<String>) -> VaultError {
    VaultError::Fault {
        detail: detail.into(),
        source: None,
    }
}

pub(crate) fn lost(detail: impl Into<String>) -> VaultError {
    VaultError::Lost {
        detail: detail.into(),
    }
}

pub(crate) fn damaged(detail: impl Into<String>) -> VaultError {
    VaultError::Damaged {
        detail: detail.into(),
    }
}
