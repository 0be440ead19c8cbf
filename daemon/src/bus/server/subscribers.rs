//! Who is told about transactions: each subscriber by itself, and only about accounts that are
//! theirs and that they may see. Root is told of nobody else's. Nothing is ever broadcast.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::OwnedUniqueName;
use zbus::object_server::SignalEmitter;

use super::Server;
use crate::access::{Act, Caller, Sight, about};
use crate::announcer::{Announcement, News};
use crate::bus::OBJECT_PATH;
use crate::bus::departure::departure;
use crate::locked::locked;

/// More than a user's session has programs of ours.
const MOST_PER_USER: usize = 16;
/// How much may wait to be told to one subscriber while polkit is asked about it. A signal is a
/// hint: what is lost is found in the list.
const MOST_UNTOLD: usize = 256;

/// The subscribers, by their unique names. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<HashMap<OwnedUniqueName, Subscriber>>>);

struct Subscriber {
    uid: u32,
    /// To the task that tells it, in order.
    news: mpsc::Sender<Arc<Announcement>>,
}

impl Subscribers {
    /// Subscribes a connection until it leaves the bus.
    pub(super) async fn add(
        &self,
        connection: &Connection,
        name: OwnedUniqueName,
        caller: Caller,
    ) -> zbus::Result<()> {
        if usize::try_from(self.of(caller.uid)).unwrap_or(usize::MAX) >= MOST_PER_USER {
            return Err(zbus::Error::Failure("too many subscribers".to_owned()));
        }
        let left = departure(&DBusProxy::new(connection).await?, &name).await?;
        let (news, untold) = mpsc::channel(MOST_UNTOLD);
        {
            let mut subscribers = locked(&self.0);
            if subscribers.contains_key(&name) {
                return Ok(());
            }
            let uid = caller.uid;
            subscribers.insert(name.clone(), Subscriber { uid, news });
        }
        let subscribers = self.clone();
        let connection = connection.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = left => {}
                () = tell_as_it_comes(&connection, &name, &caller, untold) => {}
            }
            locked(&subscribers.0).remove(&name);
        });
        Ok(())
    }

    /// How many programs of a user are subscribed.
    pub(super) fn of(&self, uid: u32) -> u32 {
        let subscribers = locked(&self.0);
        let of_user = subscribers
            .values()
            .filter(|subscriber| subscriber.uid == uid);
        u32::try_from(of_user.count()).unwrap_or(u32::MAX)
    }

    /// Passes on what is announced, until nobody can announce any more.
    pub(super) async fn tell_all(self, mut announcements: mpsc::UnboundedReceiver<Announcement>) {
        while let Some(announcement) = announcements.recv().await {
            let announcement = Arc::new(announcement);
            for (name, subscriber) in locked(&self.0).iter() {
                if subscriber.news.try_send(announcement.clone()).is_err() {
                    tracing::debug!(%name, "a subscriber was not told");
                }
            }
        }
    }
}

/// Tells one subscriber what is for it.
async fn tell_as_it_comes(
    connection: &Connection,
    name: &OwnedUniqueName,
    caller: &Caller,
    mut untold: mpsc::Receiver<Arc<Announcement>>,
) {
    while let Some(announcement) = untold.recv().await {
        let owner = announcement.owner;
        if !caller.might(owner, Act::Answer) {
            continue;
        }
        let details = about(announcement.account.as_str(), owner);
        match caller.sight(owner, &details).await {
            Sight::Seen => {
                if let Err(error) = tell(connection, name, &announcement.news).await {
                    tracing::debug!(%error, %name, "a subscriber was not told");
                }
            }
            Sight::Unseen => {}
            Sight::Undecided(fault) => {
                tracing::warn!(%fault, uid = caller.uid, "a member of the group was not told");
            }
        }
    }
}

async fn tell(connection: &Connection, to: &OwnedUniqueName, news: &News) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, OBJECT_PATH)?.set_destination(to.as_ref().into());
    match news {
        News::Offered(transaction) => Server::offered(&emitter, &transaction.to_string()).await,
        News::Agreed(transaction, by) => {
            Server::agreed(&emitter, &transaction.to_string(), &by.to_string()).await
        }
        News::Withdrawn(transaction, end) => {
            Server::withdrawn(&emitter, &transaction.to_string(), end.as_str()).await
        }
        News::AccountChanged(document_number) => {
            Server::account_changed(&emitter, &document_number.to_string()).await
        }
    }
}
