//! Device links: taking one up, and where its browser is led afterwards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use symbolon_protocol::acsp::UserChallengeVerifier;
use symbolon_protocol::device::link::{LinkOpened, OpenLink};
use symbolon_protocol::device::transaction::FlowType;
use symbolon_protocol::device_link::{DeviceLink, callback_url};
use uuid::Uuid;

use super::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::PendingTransaction;
use crate::locked::locked;
use crate::transaction::End;

/// Links that were taken up and whose browser waits. In memory alone: whoever waits for a callback
/// over a restart of the daemon waits in vain, though the login itself is completed.
#[derive(Default)]
pub(super) struct Callbacks(Mutex<HashMap<Uuid, Callback>>);

struct Callback {
    /// The user who opened the link, and whose browser waits. A colleague's is none of theirs.
    opener: u32,
    initial_url: String,
    session_secret_digest: String,
    /// Of the share that was sent last; for logins.
    verifier: Option<UserChallengeVerifier>,
}

/// More links at a time than any person opens.
const MOST: usize = 64;

impl Account {
    /// Takes a link up for a user; from then on it is a transaction like any other.
    pub(crate) async fn open_link(
        self: &Arc<Self>,
        link: &str,
        opener: u32,
    ) -> Result<PendingTransaction, Fault> {
        let parsed = DeviceLink::parse(link).map_err(|error| {
            Fault::with_remedy(
                FaultKind::InvalidArgument,
                format!("this is no device link: {error}"),
                "start again at the relying party",
            )
        })?;
        let request = OpenLink {
            link: link.to_owned(),
        };
        let opened = self.link.call("", &request).await?;
        let id = opened.transaction.id;
        if opened.transaction.flow_type != parsed.kind.flow_type() {
            return Err(Fault::with_remedy(
                FaultKind::ServiceRefused,
                "the service says that the link is of another kind than it is",
                "tell whoever runs the service",
            ));
        }
        self.remember_callback(&opened, opener)?;
        self.take(opened.transaction).await;
        let entry = self.known(id)?;
        Ok(entry.shown())
    }

    fn remember_callback(&self, opened: &LinkOpened, opener: u32) -> Result<(), Fault> {
        let transaction = &opened.transaction;
        if transaction.flow_type == FlowType::QR {
            return Ok(());
        }
        let url = transaction.initial_callback_url.clone();
        let (Some(initial_url), Some(session_secret_digest)) = (
            url.filter(|url| is_callback(url)),
            opened.session_secret_digest.clone(),
        ) else {
            return Err(Fault::with_remedy(
                FaultKind::ServiceRefused,
                "the link leads back to nowhere that a browser may be sent",
                "tell the relying party",
            ));
        };
        let mut callbacks = locked(&self.callbacks.0);
        if callbacks.len() >= MOST {
            callbacks.clear();
        }
        callbacks.entry(transaction.id).or_insert(Callback {
            opener,
            initial_url,
            session_secret_digest,
            verifier: None,
        });
        Ok(())
    }

    /// Keeps what proves to the relying party that its own browser came back.
    pub(crate) fn remember_verifier(&self, id: Uuid, verifier: UserChallengeVerifier) {
        if let Some(callback) = locked(&self.callbacks.0).get_mut(&id) {
            callback.verifier = Some(verifier);
        }
    }

    /// Where to lead the browser of the user who opened the link, now that the transaction was
    /// approved, agreed to or refused; once. `None` if it is not over, ended in another way, or no
    /// browser of theirs waits.
    pub(crate) fn take_callback(&self, id: Uuid, opener: u32) -> Option<String> {
        let end = locked(&self.book).end_of(id)?;
        let callback = {
            let mut callbacks = locked(&self.callbacks.0);
            callbacks.get(&id).filter(|kept| kept.opener == opener)?;
            callbacks.remove(&id)?
        };
        let verifier = match end {
            End::Approved => callback.verifier.as_ref(),
            End::Consented | End::Refused | End::Disowned => None,
            _ => return None,
        };
        Some(callback_url(
            &callback.initial_url,
            &callback.session_secret_digest,
            verifier.map(UserChallengeVerifier::as_str),
        ))
    }
}

/// Whether a browser may be sent there. The service has judged it; a device does not depend on it.
fn is_callback(url: &str) -> bool {
    url.strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty())
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '#' && c != '|')
}

#[cfg(test)]
mod tests {
    use super::is_callback;

    #[test]
    fn a_browser_is_sent_to_https_alone() {
        assert!(is_callback("https://rp.example.com/cb?value=1"));
        for other in [
            "",
            "https://",
            "http://rp.example.com",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://rp.example.com/#a",
            "https://rp.example.com/ -x",
            "--help",
        ] {
            assert!(!is_callback(other), "{other}");
        }
    }
}
