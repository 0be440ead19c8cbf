//! The release as TPM and service compute it alike.

use serde::{Deserialize, Serialize};

use crate::identifiers::{DocumentNumber, KeyPurpose};

/// Names one key share inside TPM policies: it keeps a release for one share from fitting another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    /// The account.
    pub document_number: DocumentNumber,
    /// Which of its keys.
    pub purpose: KeyPurpose,
}
