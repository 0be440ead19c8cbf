//! Hints between those who write and those who wait, on this node only.
//!
//! A hint says "look again". Losing one costs latency, never correctness: whoever waits also looks
//! by itself now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symbolon_protocol::identifiers::{DocumentNumber, SemanticsIdentifier};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Who waits for what.
pub struct Hints {
    sessions: Waiters<Uuid>,
    /// By document number.
    devices: Waiters<String>,
    stopping: watch::Sender<bool>,
}

type Waiters<K> = Arc<Mutex<BTreeMap<K, Arc<Notify>>>>;

impl Hints {
    /// The session changed.
    pub fn session_changed(&self, session: &Uuid) {
        if let Some(notify) = lock(&self.sessions).get(session) {
            notify.notify_waiters();
        }
    }

    /// There is a new event for the account's device.
    pub fn device_has_news(&self, document_number: &DocumentNumber) {
        if let Some(notify) = lock(&self.devices).get(document_number.as_str()) {
            notify.notify_waiters();
        }
    }

    /// There is a new event for one of the person's devices.
    pub fn person_has_news(&self, person: &SemanticsIdentifier) {
        // Their document numbers begin so, and stand together. Waking a stranger would do no harm.
        let beginning = format!("{person}-");
        for (device, notify) in lock(&self.devices).range(beginning.clone()..) {
            if !device.starts_with(&beginning) {
                break;
            }
            notify.notify_waiters();
        }
    }

    /// Something changed that this process did not do: everybody looks again.
    pub fn wake_everybody(&self) {
        for notify in lock(&self.sessions).values() {
            notify.notify_waiters();
        }
        for notify in lock(&self.devices).values() {
            notify.notify_waiters();
        }
    }

    /// The service is about to stop: nobody waits any longer.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Becomes true when the service is about to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// To wait for changes of a session. Enable the wait, then look into the store, then wait.
    pub fn watch_session(&self, session: Uuid) -> Watch<Uuid> {
        Watch::new(&self.sessions, session)
    }

    /// How many accounts' devices wait for events here.
    pub(crate) fn devices_waiting(&self) -> usize {
        lock(&self.devices).len()
    }

    /// To wait for events of an account's device, under the same rule.
    pub fn watch_device(&self, document_number: DocumentNumber) -> DeviceWatch {
        Watch::new(&self.devices, document_number.into())
    }
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            sessions: Waiters::default(),
            devices: Waiters::default(),
            stopping: watch::Sender::new(false),
        }
    }
}

/// To wait for events of one device.
pub type DeviceWatch = Watch<String>;

/// A place in the waiters' map, given back on drop.
pub struct Watch<K: Ord> {
    waiters: Waiters<K>,
    key: K,
    notify: Arc<Notify>,
}

impl<K: Ord + Clone> Watch<K> {
    fn new(waiters: &Waiters<K>, key: K) -> Self {
        let notify = lock(waiters).entry(key.clone()).or_default().clone();
        Self {
            waiters: waiters.clone(),
            key,
            notify,
        }
    }
}

impl<K: Ord> Watch<K> {
    /// Completes at the first hint after this call, even if it is not polled yet.
    pub fn changed(&self) -> OwnedNotified {
        self.notify.clone().notified_owned()
    }
}

impl<K: Ord> Drop for Watch<K> {
    fn drop(&mut self) {
        let mut waiters = lock(&self.waiters);
        let held = waiters.get(&self.key).map(Arc::strong_count);
        // The map's and ours; everybody else who waits holds one more, taken under this lock.
        if held.is_some_and(|count| count <= 2) {
            waiters.remove(&self.key);
        }
    }
}

fn lock<K>(waiters: &Waiters<K>) -> MutexGuard<'_, BTreeMap<K, Arc<Notify>>> {
    waiters.lock().unwrap_or_else(PoisonError::into_inner)
}
