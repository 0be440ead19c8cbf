//! The service's halves that were made ahead, beside the hardware that judges a PIN.
//!
//! They are of use for seconds, on this node alone; who finds none here makes one. A half is given
//! out by nothing in here: what [`super::confirm()`] demands of a confirmation, it demands before
//! it asks for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_protocol::split_key::PartialSignature;

use crate::keys::KeysError;

/// The slowest hardware takes a second or two from PIN to share.
const GOOD_FOR: Duration = Duration::from_secs(15);

/// A device need not know a PIN to have one made, so it may not have many made: one in this time,
/// unless the last one was used.
const APART: Duration = Duration::from_secs(1);

/// More than a node makes in [`GOOD_FOR`]. Under a KiB each.
const MOST: usize = 16_384;

/// Halves by the account that they are for. Clones share them.
#[derive(Clone, Default)]
pub struct Halves(Arc<Mutex<HashMap<DocumentNumber, Ahead>>>);

struct Ahead {
    message: EncodedMessage,
    since: Instant,
    /// Locked until it is made.
    half: Arc<tokio::sync::Mutex<Option<PartialSignature>>>,
}

impl Halves {
    /// Makes one and keeps it, if the account may have one made now.
    pub(super) async fn make(
        &self,
        account: &DocumentNumber,
        message: &EncodedMessage,
        making: impl Future<Output = Result<PartialSignature, KeysError>>,
    ) {
        let place = Arc::new(tokio::sync::Mutex::new(None));
        let mut half = place.lock().await;
        if !self.enter(account, message, Instant::now(), &place) {
            return;
        }
        match making.await {
            Ok(made) => *half = Some(made),
            Err(error) => tracing::debug!(%error, %account, "no half was made ahead"),
        }
    }

    /// Takes the one that is made or being made for this message; none, if another was asked for.
    pub(super) async fn take(
        &self,
        account: &DocumentNumber,
        message: &EncodedMessage,
    ) -> Option<PartialSignature> {
        let ahead = self.lock().remove(account)?;
        if ahead.message != *message || ahead.since.elapsed() >= GOOD_FOR {
            return None;
        }
        ahead.half.lock().await.take()
    }

    /// Forgets what nobody came for in time.
    pub(crate) fn forget_old(&self) {
        self.forget_older_than(Instant::now(), GOOD_FOR);
    }

    fn forget_older_than(&self, now: Instant, age: Duration) {
        self.lock()
            .retain(|_, ahead| now.duration_since(ahead.since) < age);
    }

    fn enter(
        &self,
        account: &DocumentNumber,
        message: &EncodedMessage,
        now: Instant,
        place: &Arc<tokio::sync::Mutex<Option<PartialSignature>>>,
    ) -> bool {
        let mut entered = self.lock();
        let is_early = entered
            .get(account)
            .is_some_and(|ahead| now.duration_since(ahead.since) < APART);
        if is_early || entered.len() >= MOST {
            return false;
        }
        let ahead = Ahead {
            message: message.clone(),
            since: now,
            half: Arc::clone(place),
        };
        entered.insert(account.clone(), ahead);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentNumber, Ahead>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;
    use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};
    use symbolon_protocol::split_key::Modulus;

    fn account() -> DocumentNumber {
        "PNOEE-30303039914-TEST-Q".parse().unwrap()
    }

    fn message(salt: u8) -> EncodedMessage {
        let algorithm = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
        let modulus = Modulus::from_octets(&[0xff; 256]).unwrap();
        EncodedMessage::encode(algorithm, &[1; 32], &[salt; 32], &modulus).unwrap()
    }

    fn half() -> PartialSignature {
        PartialSignature::from_octets(vec![7; 256])
    }

    async fn made() -> Result<PartialSignature, KeysError> {
        Ok(half())
    }

    #[tokio::test]
    async fn a_half_is_for_one_account_one_message_and_one_use() {
        let halves = Halves::default();
        let other: DocumentNumber = "PNOEE-30303039914-TOST-Q".parse().unwrap();
        halves.make(&account(), &message(1), made()).await;
        assert_eq!(halves.take(&other, &message(1)).await, None);
        assert_eq!(halves.take(&account(), &message(1)).await, Some(half()));
        assert_eq!(halves.take(&account(), &message(1)).await, None);

        halves.make(&account(), &message(1), made()).await;
        assert_eq!(halves.take(&account(), &message(2)).await, None);
    }

    #[tokio::test]
    async fn one_that_is_being_made_is_waited_for() {
        let halves = Halves::default();
        let (let_go, held) = tokio::sync::oneshot::channel();
        let (account, message) = (account(), message(1));
        let making = halves.make(&account, &message, async {
            held.await.unwrap();
            Ok(half())
        });
        let taking = async {
            let mut taken = std::pin::pin!(halves.take(&account, &message));
            let waits = poll_fn(|context| Poll::Ready(taken.as_mut().poll(context).is_pending()));
            let waits = waits.await;
            let_go.send(()).unwrap();
            (waits, taken.await)
        };
        let ((), (waited, taken)) = tokio::join!(making, taking);
        assert!(waited);
        assert_eq!(taken, Some(half()));
    }

    #[tokio::test]
    async fn what_was_not_used_keeps_the_next_from_being_made_at_once() {
        let halves = Halves::default();
        halves.make(&account(), &message(1), made()).await;
        let unasked = async { panic!("one was made") };
        halves.make(&account(), &message(2), unasked).await;

        let now = Instant::now();
        let place = Arc::default();
        assert!(!halves.enter(&account(), &message(3), now, &place));
        assert!(halves.enter(&account(), &message(3), now + APART, &place));
    }

    #[tokio::test]
    async fn what_nobody_came_for_is_forgotten() {
        let halves = Halves::default();
        halves.make(&account(), &message(1), made()).await;
        halves.forget_older_than(Instant::now(), GOOD_FOR);
        assert_eq!(halves.lock().len(), 1);
        halves.forget_older_than(Instant::now() + GOOD_FOR, GOOD_FOR);
        assert!(halves.lock().is_empty());
    }

    #[tokio::test]
    async fn a_failure_leaves_it_to_whoever_confirms() {
        let halves = Halves::default();
        let failing = async { Err(KeysError::NotInitialised("a key".into())) };
        halves.make(&account(), &message(1), failing).await;
        assert_eq!(halves.take(&account(), &message(1)).await, None);
    }
}
