//! A confirmation under way: kept from before it is sent until its answer is stored, so that it
//! can be repeated octet for octet. To the service anything else would look like a second device.

use serde::{Deserialize, Serialize};
use symbolon_protocol::device::transaction::{Confirm, Transaction};
use symbolon_protocol::freshness::FreshnessToken;

use crate::bus::messages::User;

/// A confirmation under way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Underway {
    /// What is confirmed.
    pub transaction: Transaction,
    /// The request's body exactly as it was or will be sent.
    pub body: String,
    /// Who approved; not known of one that an older version kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<User>,
    /// Who agreed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<User>,
}

impl Underway {
    /// The request that the body holds.
    pub fn request(&self) -> Result<Confirm, serde_json::Error> {
        serde_json::from_str(&self.body)
    }

    /// Whether `token` is what this confirmation presents. If not, its answer was stored already,
    /// and all that is left to do is to forget it.
    pub fn presents(&self, token: &FreshnessToken) -> bool {
        self.request()
            .is_ok_and(|request| request.freshness_token == token.as_str())
    }
}

impl std::fmt::Debug for Underway {
    /// Without the body: it presents the freshness token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Underway")
            .field("transaction", &self.transaction.id)
            .finish_non_exhaustive()
    }
}
