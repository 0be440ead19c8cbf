//! Device links: the device takes one to the service and gets the transaction behind it.

use serde::{Deserialize, Serialize};

use super::transaction::Transaction;
use super::{Exchange, Method};

/// Takes a device link up for this account. Works once: afterwards the session is this account's,
/// and travels as any other transaction; the same link again gets this account the same answer.
/// Only a link that is not genuine ends its session. One that is old, used or meant for another
/// person is refused.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenLink {
    /// The link, octet for octet as the browser or the camera gave it.
    pub link: String,
}

impl std::fmt::Debug for OpenLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenLink(…)")
    }
}

impl Exchange for OpenLink {
    type Reply = LinkOpened;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/links";
}

/// What the link was about.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkOpened {
    /// What is asked.
    pub transaction: Transaction,
    /// What goes into the callback, see [`crate::device_link::callback_url`]; present in
    /// same-device flows alone.
    pub session_secret_digest: Option<String>,
}

impl std::fmt::Debug for LinkOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkOpened")
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}
