//! Signatures that a certificate choice announced: whoever led a person here by a link stays with
//! them until the signature is asked for, or it is too late for it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::Account;
use crate::locked::locked;

/// What certificate choices announced. In memory alone, as the browsers that wait for it are.
#[derive(Default)]
pub(super) struct Announced {
    choices: Mutex<HashMap<Uuid, Announcement>>,
    arrived: Notify,
}

#[derive(Clone, Copy)]
struct Announcement {
    until: Instant,
    signature: Option<Uuid>,
}

/// More at a time than any person agrees to.
const MOST: usize = 64;

/// How long a signature is remembered that came before the answer to the consent.
const EARLY: Duration = Duration::from_secs(60);

impl Announced {
    fn change(&self, choice: Uuid, change: impl FnOnce(&mut Announcement)) {
        let now = Instant::now();
        let mut choices = locked(&self.choices);
        choices.retain(|_, announcement| announcement.until > now);
        if choices.len() >= MOST {
            choices.clear();
        }
        change(choices.entry(choice).or_insert(Announcement {
            until: now + EARLY,
            signature: None,
        }));
    }
}

impl Account {
    /// Notes that a signature is to follow a certificate choice.
    pub(crate) fn expect_linked(&self, choice: Uuid, within_seconds: u32) {
        let within = Duration::from_secs(u64::from(within_seconds));
        self.announced.change(choice, |announcement| {
            announcement.until = Instant::now() + within;
        });
    }

    /// A signature came that names its certificate choice.
    pub(super) fn linked_arrived(&self, choice: Uuid, signature: Uuid) {
        self.announced.change(choice, |announcement| {
            announcement.signature = Some(signature);
        });
        self.announced.arrived.notify_waiters();
    }

    /// Waits for the signature that a certificate choice announced. `None` if it was announced by
    /// none, or did not come in time.
    pub(crate) async fn await_linked(&self, choice: Uuid) -> Option<Uuid> {
        loop {
            let mut arrived = std::pin::pin!(self.announced.arrived.notified());
            // Before looking: what arrives in between must not go by unheard.
            arrived.as_mut().enable();
            let announcement = locked(&self.announced.choices).get(&choice).copied()?;
            if announcement.signature.is_some() {
                return announcement.signature;
            }
            tokio::time::timeout_at(announcement.until, arrived)
                .await
                .ok()?;
        }
    }
}
