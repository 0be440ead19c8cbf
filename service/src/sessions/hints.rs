//! Hints between those who write and those who wait, on this node only.
//!
//! A hint says "look again". Losing one costs latency, never correctness: whoever waits also looks
//! by itself now and then. How a session ended may come with the hint, as it was committed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use symbolon_protocol::identifiers::{DocumentNumber, SemanticsIdentifier};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::Session;

/// Who waits for what.
pub struct Hints {
    sessions: Waiters<Uuid, Arc<Session>>,
    /// By document number.
    devices: Waiters<String, Infallible>,
    stopping: watch::Sender<bool>,
}

type Waiters<K, T> = Arc<Mutex<BTreeMap<K, Arc<Place<T>>>>>;

/// Where some wait for the same.
struct Place<T> {
    changed: Arc<Notify>,
    /// What they waited for, if it is known.
    came: OnceLock<T>,
}

impl Hints {
    /// The session changed.
    pub fn session_changed(&self, session: &Uuid) {
        if let Some(place) = lock(&self.sessions).get(session) {
            place.changed.notify_waiters();
        }
    }

    /// The session is over, and this is how it stands in the store.
    pub fn session_ended(&self, session: Session) {
        if let Some(place) = lock(&self.sessions).get(&session.id) {
            // It ends once.
            let _ = place.came.set(Arc::new(session));
            place.changed.notify_waiters();
        }
    }

    /// There is a new event for the account's device.
    pub fn device_has_news(&self, document_number: &DocumentNumber) {
        if let Some(place) = lock(&self.devices).get(document_number.as_str()) {
            place.changed.notify_waiters();
        }
    }

    /// There is a new event for one of the person's devices.
    pub fn person_has_news(&self, person: &SemanticsIdentifier) {
        // Their document numbers begin so, and stand together. Waking a stranger would do no harm.
        let beginning = format!("{person}-");
        for (device, place) in lock(&self.devices).range(beginning.clone()..) {
            if !device.starts_with(&beginning) {
                break;
            }
            place.changed.notify_waiters();
        }
    }

    /// Something changed that this process did not do: everybody looks again.
    pub fn wake_everybody(&self) {
        for place in lock(&self.sessions).values() {
            place.changed.notify_waiters();
        }
        for place in lock(&self.devices).values() {
            place.changed.notify_waiters();
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
    pub(super) fn watch_session(&self, session: Uuid) -> SessionWatch {
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

/// To wait for the end of one session.
pub(super) type SessionWatch = Watch<Uuid, Arc<Session>>;

/// To wait for events of one device.
pub type DeviceWatch = Watch<String, Infallible>;

/// A place in the waiters' map, given back on drop.
pub struct Watch<K: Ord, T> {
    waiters: Waiters<K, T>,
    key: K,
    place: Arc<Place<T>>,
}

impl<K: Ord + Clone, T> Watch<K, T> {
    fn new(waiters: &Waiters<K, T>, key: K) -> Self {
        let place = lock(waiters).entry(key.clone()).or_default().clone();
        Self {
            waiters: waiters.clone(),
            key,
            place,
        }
    }
}

impl<K: Ord, T> Watch<K, T> {
    /// Completes at the first hint after this call, even if it is not polled yet.
    pub fn changed(&self) -> OwnedNotified {
        Arc::clone(&self.place.changed).notified_owned()
    }

    /// What was waited for, if it came with a hint.
    pub fn came(&self) -> Option<&T> {
        self.place.came.get()
    }
}

impl<K: Ord, T> Drop for Watch<K, T> {
    fn drop(&mut self) {
        let mut waiters = lock(&self.waiters);
        let held = waiters.get(&self.key).map(Arc::strong_count);
        // The map's and ours; everybody else who waits holds one more, taken under this lock.
        if held.is_some_and(|count| count <= 2) {
            waiters.remove(&self.key);
        }
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self {
            changed: Arc::default(),
            came: OnceLock::new(),
        }
    }
}

fn lock<K, T>(waiters: &Waiters<K, T>) -> MutexGuard<'_, BTreeMap<K, Arc<Place<T>>>> {
    waiters.lock().unwrap_or_else(PoisonError::into_inner)
}
