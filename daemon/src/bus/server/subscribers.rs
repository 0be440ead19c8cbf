//! Who is told about transactions: each subscriber by itself, and only about the accounts of its
//! own user. Nothing is ever broadcast.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName};
use zbus::object_server::SignalEmitter;

use super::Server;
use crate::announcer::{Announcement, News};
use crate::bus::OBJECT_PATH;
use crate::device::Caller;

/// More than a user's session has programs of ours.
const MOST_PER_USER: usize = 16;

/// The subscribers, by their unique names. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<HashMap<OwnedUniqueName, Caller>>>);

impl Subscribers {
    /// Subscribes a connection until it leaves the bus.
    pub(super) async fn add(
        &self,
        connection: &Connection,
        name: OwnedUniqueName,
        caller: Caller,
    ) -> zbus::Result<()> {
        if self.names_of(caller.uid).len() >= MOST_PER_USER {
            return Err(zbus::Error::Failure("too many subscribers".to_owned()));
        }
        let bus = DBusProxy::new(connection).await?;
        let mut departures = bus
            .receive_name_owner_changed_with_args(&[(0, name.as_str()), (2, "")])
            .await?;
        if self.locked().insert(name.clone(), caller).is_some() {
            return Ok(());
        }
        // It may have left before we watched.
        let present = bus.name_has_owner(BusName::from(name.clone())).await?;
        let subscribers = self.clone();
        tokio::spawn(async move {
            if present {
                departures.next().await;
            }
            subscribers.locked().remove(&name);
        });
        Ok(())
    }

    /// How many programs of the caller's user are subscribed.
    pub(super) fn of(&self, caller: Caller) -> u32 {
        u32::try_from(self.names_of(caller.uid).len()).unwrap_or(u32::MAX)
    }

    /// Tells what is announced, until nobody can announce any more.
    pub(super) async fn tell_all(
        self,
        connection: Connection,
        mut announcements: mpsc::UnboundedReceiver<Announcement>,
    ) {
        while let Some(announcement) = announcements.recv().await {
            for name in self.names_of(announcement.owner) {
                if let Err(error) = tell(&connection, &name, &announcement.news).await {
                    tracing::debug!(%error, %name, "a subscriber was not told");
                }
            }
        }
    }

    fn names_of(&self, uid: u32) -> Vec<OwnedUniqueName> {
        self.locked()
            .iter()
            .filter(|(_, caller)| caller.uid == uid)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<OwnedUniqueName, Caller>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

async fn tell(connection: &Connection, to: &OwnedUniqueName, news: &News) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, OBJECT_PATH)?.set_destination(to.as_ref().into());
    match news {
        News::Offered(transaction) => Server::offered(&emitter, &transaction.to_string()).await,
        News::Withdrawn(transaction, end) => {
            Server::withdrawn(&emitter, &transaction.to_string(), end.as_str()).await
        }
        News::AccountChanged(document_number) => {
            Server::account_changed(&emitter, &document_number.to_string()).await
        }
    }
}
