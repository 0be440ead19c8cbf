//! An account's transactions: the ones that wait, and how the last ones ended.

use std::collections::{BTreeMap, VecDeque};

use symbolon_protocol::device::events::Withdrawal;
use uuid::Uuid;

use super::{Effect, End, Event, Offer, State, step};
use crate::bus::messages::PendingTransaction;

/// How many ended transactions are remembered, for those who come too late.
const REMEMBERED: usize = 32;

/// An account's transactions.
#[derive(Debug, Default)]
pub struct Book {
    waiting: BTreeMap<Uuid, Entry>,
    ended: VecDeque<(Uuid, End)>,
}

/// One transaction that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is shown.
    pub offer: Offer,
    /// Where it stands.
    pub state: State,
    /// When it ends, by this machine's clock.
    pub expires_at: i64,
}

impl Book {
    /// Enters a transaction. False if it was known, be it waiting or ended.
    pub fn enter(&mut self, offer: Offer) -> bool {
        let id = offer.transaction.id;
        if self.knows(id) {
            return false;
        }
        let lasts = i64::from(offer.transaction.expires_in_seconds);
        let entry = Entry {
            offer,
            state: State::Offered,
            expires_at: crate::clock::now().saturating_add(lasts),
        };
        self.waiting.insert(id, entry);
        true
    }

    /// Whether a transaction waits here, or is remembered as ended.
    pub fn knows(&self, id: Uuid) -> bool {
        self.waiting.contains_key(&id) || self.end_of(id).is_some()
    }

    /// Takes an event; what is to be done, and the entry it is about. `None` for the unknown.
    pub fn apply(&mut self, id: Uuid, event: Event) -> Option<(Entry, Vec<Effect>)> {
        let entry = self.waiting.get_mut(&id)?;
        let (state, effects) = step(entry.state, event);
        entry.state = state;
        let entry = entry.clone();
        if let State::Ended(how) = state {
            self.waiting.remove(&id);
            self.remember(id, how);
        }
        Some((entry, effects))
    }

    /// Notes the end of a transaction that never waited here.
    pub fn remember(&mut self, id: Uuid, how: End) {
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((id, how));
    }

    /// A transaction that has not ended.
    pub fn entry(&self, id: Uuid) -> Option<&Entry> {
        self.waiting.get(&id)
    }

    /// How a transaction ended, if that is still remembered.
    pub fn end_of(&self, id: Uuid) -> Option<End> {
        self.ended
            .iter()
            .find(|(ended, _)| *ended == id)
            .map(|(_, how)| *how)
    }

    /// What the person can answer, oldest first.
    pub fn shown(&self) -> Vec<PendingTransaction> {
        let mut shown: Vec<_> = self
            .waiting
            .values()
            .filter(|entry| matches!(entry.state, State::Offered | State::Judging))
            .map(|entry| entry.offer.shown(entry.expires_at))
            .filter(|transaction| transaction.expires_in_seconds > 0)
            .collect();
        shown.sort_by_key(|transaction| transaction.created_at);
        shown
    }

    /// Those that wait here but are not in `listed`: the service no longer has them.
    pub fn missing_from(&self, listed: &[Uuid]) -> Vec<(Uuid, Event)> {
        self.waiting
            .keys()
            .filter(|id| !listed.contains(id))
            .map(|id| (*id, Event::Withdrawn(Withdrawal::Expired)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_transactions::{account, authentication, modulus};
    use crate::transaction::examine;

    fn offer() -> Offer {
        let transaction = authentication(r#"[{"type":"displayTextAndPIN","displayText60":"a"}]"#);
        examine(transaction, &account(), |_| Some(modulus())).unwrap()
    }

    #[test]
    fn a_transaction_told_twice_is_offered_once() {
        let mut book = Book::default();
        let offer = offer();
        let id = offer.transaction.id;
        assert!(book.enter(offer.clone()));
        assert!(!book.enter(offer.clone()));
        assert_eq!(book.shown().len(), 1);

        book.apply(id, Event::Withdrawn(Withdrawal::AnsweredElsewhere));
        assert!(!book.enter(offer));
        assert!(book.shown().is_empty());
        assert_eq!(book.end_of(id), Some(End::AnsweredElsewhere));
    }

    #[test]
    fn what_the_service_no_longer_lists_has_expired() {
        let mut book = Book::default();
        let (stays, goes) = (offer(), offer());
        let (stays_id, goes_id) = (stays.transaction.id, goes.transaction.id);
        book.enter(stays);
        book.enter(goes);
        for (id, event) in book.missing_from(&[stays_id]) {
            book.apply(id, event);
        }
        assert_eq!(book.end_of(goes_id), Some(End::Expired));
        assert!(book.entry(stays_id).is_some());
    }
}
