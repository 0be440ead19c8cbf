//! What is kept of a confirmation that a device told of ahead, while its person types the PIN: what
//! was read for it, and the half that was made for it.
//!
//! It is of use for a minute or two, on this node alone; who finds nothing here reads and makes it anew.
//! Nothing is given out by what stands in here: what [`super::confirm()`] demands of a
//! confirmation, it demands before it uses the half, and its commit holds what was read against
//! the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use symbolon_protocol::split_key::VerifiedPartialSignature;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::answer::Remembered;
use super::to_sign::{Drawn, ToSign};
use crate::accounts::DeviceFingerprint;

/// A device tells when its person begins to read and to type: as long as most transactions live.
const GOOD_FOR: Duration = Duration::from_secs(120);

/// A device need not know a PIN to have a half made, so it may not have many made: one in this
/// time, unless the last one was used.
const APART: Duration = Duration::from_secs(1);

/// More than a node makes in [`GOOD_FOR`]. A few KiB each.
const MOST: usize = 4096;

/// What a device told ahead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) transaction: Uuid,
    pub(super) drawn: Drawn,
}

/// What a confirmation needs and finds done.
pub struct Foreseen {
    /// As it was when the device told of it.
    pub(super) remembered: Remembered,
    pub(super) to_sign: ToSign,
    /// Nothing comes if it could not be made.
    pub(super) half: oneshot::Receiver<VerifiedPartialSignature>,
}

/// One thing for each device that told of something, for one use. Clones share them.
pub struct Ahead<T = Foreseen>(Arc<Mutex<HashMap<DeviceFingerprint, Kept<T>>>>);

struct Kept<T> {
    told: Told,
    since: Instant,
    /// Until it is taken.
    thing: Option<T>,
}

impl<T> Ahead<T> {
    /// Keeps something, if the device may have something kept now.
    pub(super) fn keep(&self, device: DeviceFingerprint, told: Told, thing: T) -> bool {
        self.keep_at(Instant::now(), device, told, thing)
    }

    /// Takes what is kept for just this; nothing, if the device told of something else.
    pub(super) fn take(&self, device: &DeviceFingerprint, told: &Told) -> Option<T> {
        let mut all = self.lock();
        let kept = all.get_mut(device)?;
        let fits = kept.told == *told && kept.since.elapsed() < GOOD_FOR;
        kept.thing.take_if(|_| fits)
    }

    /// A device made good use of it, and may have the next one at once.
    pub(super) fn used(&self, device: &DeviceFingerprint) {
        self.lock().remove(device);
    }

    /// Forgets what nobody came for in time.
    pub(crate) fn forget_old(&self) {
        self.forget_older_than(Instant::now(), GOOD_FOR);
    }

    fn forget_older_than(&self, now: Instant, age: Duration) {
        self.lock()
            .retain(|_, kept| now.duration_since(kept.since) < age);
    }

    fn keep_at(&self, now: Instant, device: DeviceFingerprint, told: Told, thing: T) -> bool {
        let mut all = self.lock();
        let is_early = all
            .get(&device)
            .is_some_and(|kept| now.duration_since(kept.since) < APART);
        if is_early || all.len() >= MOST {
            return false;
        }
        let kept = Kept {
            told,
            since: now,
            thing: Some(thing),
        };
        all.insert(device, kept);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceFingerprint, Kept<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Ahead<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symbolon_protocol::interaction::InteractionType;

    const DEVICE: DeviceFingerprint = DeviceFingerprint([1; 32]);

    fn told(salt: u8) -> Told {
        Told {
            transaction: Uuid::from_u128(7),
            drawn: Drawn {
                interaction: InteractionType::DisplayTextAndPin,
                user_challenge: None,
                salt: vec![salt; 32],
            },
        }
    }

    #[test]
    fn it_is_for_one_device_one_message_and_one_use() {
        let ahead = Ahead::default();
        let other = DeviceFingerprint([2; 32]);
        assert!(ahead.keep(DEVICE, told(1), "half"));
        assert_eq!(ahead.take(&other, &told(1)), None);
        assert_eq!(ahead.take(&DEVICE, &told(1)), Some("half"));
        assert_eq!(ahead.take(&DEVICE, &told(1)), None);

        ahead.used(&DEVICE);
        assert!(ahead.keep(DEVICE, told(1), "half"));
        assert_eq!(ahead.take(&DEVICE, &told(2)), None);
        ahead.used(&DEVICE);
        assert!(ahead.keep(DEVICE, told(1), "half"));
        let elsewhere = Told {
            transaction: Uuid::from_u128(8),
            ..told(1)
        };
        assert_eq!(ahead.take(&DEVICE, &elsewhere), None);
    }

    #[test]
    fn what_was_not_used_keeps_the_next_from_being_made_at_once() {
        let ahead = Ahead::default();
        let now = Instant::now();
        assert!(ahead.keep_at(now, DEVICE, told(1), ()));
        assert!(!ahead.keep_at(now, DEVICE, told(2), ()));
        // Nor does taking it for a confirmation that is refused.
        assert_eq!(ahead.take(&DEVICE, &told(1)), Some(()));
        assert!(!ahead.keep_at(now, DEVICE, told(2), ()));
        assert!(ahead.keep_at(now + APART, DEVICE, told(3), ()));
    }

    #[test]
    fn what_nobody_came_for_is_forgotten() {
        let ahead = Ahead::default();
        assert!(ahead.keep(DEVICE, told(1), ()));
        ahead.forget_older_than(Instant::now(), GOOD_FOR);
        assert_eq!(ahead.lock().len(), 1);
        ahead.forget_older_than(Instant::now() + GOOD_FOR, GOOD_FOR);
        assert!(ahead.lock().is_empty());
    }
}
