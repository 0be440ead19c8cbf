//! An account's transactions: the ones that wait, and how the last ones ended.

use std::collections::{BTreeMap, VecDeque};

use symbolon_protocol::device::events::Withdrawal;
use symbolon_protocol::interaction::InteractionType;
use uuid::Uuid;

use super::{Agreed, Agreements, CodeChoice, Effect, End, Event, Offer, Pick, State, step};
use crate::bus::messages::{Approvals, PendingTransaction, User};

/// How many ended transactions are remembered, for those who come too late.
const REMEMBERED: usize = 32;

/// An account's transactions.
#[derive(Debug, Default)]
pub struct Book {
    /// How many must agree to what is signed, besides who types the PIN.
    others_needed: u8,
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
    /// Who is answering it, or did.
    pub answerer: Option<User>,
    /// Who agreed to it.
    pub agreements: Agreements,
    others_needed: u8,
    /// Right or wrong; wrong ends it.
    picked: Option<Pick>,
}

impl Entry {
    /// As it is shown now.
    pub fn shown(&self) -> PendingTransaction {
        PendingTransaction {
            approvals: self.approvals(),
            ..self.offer.shown(self.expires_at, self.choosing())
        }
    }

    /// How many must agree and who did, where more than one must.
    pub fn approvals(&self) -> Option<Approvals> {
        let needed = self.others_needed.saturating_add(1);
        (needed > 1 && self.offer.signing.is_some()).then(|| Approvals {
            needed,
            given: self.agreements.given().to_vec(),
        })
    }

    /// How many others must still agree before this user's PIN is taken.
    pub fn others_missing(&self, uid: u32) -> u8 {
        match self.offer.signing {
            Some(_) => self.agreements.missing_before(uid, self.others_needed),
            None => 0,
        }
    }

    /// The codes, as long as the person has not picked the right one of them.
    pub fn choosing(&self) -> Option<&CodeChoice> {
        self.offer
            .signing
            .as_ref()
            .and_then(|signing| signing.choice.as_ref())
            .filter(|_| self.picked != Some(Pick::Right))
    }

    /// The interaction on whose screen the person is; none where nothing is signed. Who has picked
    /// the right code and reads text and PIN prompt together is where `displayTextAndPIN` begins.
    pub fn screen(&self) -> Option<InteractionType> {
        match self.offer.signing.as_ref()?.interaction {
            InteractionType::VerificationCodeChoice if self.choosing().is_none() => {
                Some(InteractionType::DisplayTextAndPin)
            }
            shown => Some(shown),
        }
    }
}

impl Book {
    /// An empty one, for an account where so many others must agree to what is signed.
    pub fn new(others_needed: u8) -> Self {
        Self {
            others_needed,
            ..Self::default()
        }
    }

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
            answerer: None,
            agreements: Agreements::default(),
            others_needed: self.others_needed,
            picked: None,
        };
        self.waiting.insert(id, entry);
        true
    }

    /// Whether a transaction waits here, or is remembered as ended.
    pub fn knows(&self, id: Uuid) -> bool {
        self.waiting.contains_key(&id) || self.end_of(id).is_some()
    }

    /// Takes an event, which may be somebody's act; what is to be done, and the entry it is about.
    /// `None` for the unknown.
    pub fn apply(
        &mut self,
        id: Uuid,
        event: Event,
        by: Option<&User>,
    ) -> Option<(Entry, Vec<Effect>)> {
        let entry = self.waiting.get_mut(&id)?;
        let is_out_of_place = match event {
            Event::PinGiven => {
                entry.offer.signing.is_none()
                    || entry.choosing().is_some()
                    || by.map_or(entry.others_needed, |by| entry.others_missing(by.uid)) > 0
            }
            Event::ConsentGiven => entry.offer.signing.is_some(),
            _ => false,
        };
        if is_out_of_place {
            return Some((entry.clone(), Vec::new()));
        }
        let (state, effects) = step(entry.state, event);
        if by.is_some() && state != entry.state {
            entry.answerer = by.cloned();
        } else if state == State::Offered {
            entry.answerer = None;
        }
        entry.state = state;
        let entry = entry.clone();
        if let State::Ended(how) = state {
            self.waiting.remove(&id);
            self.remember(id, how);
        }
        Some((entry, effects))
    }

    /// Counts an agreement to a transaction that waits for an answer. `None` where nobody can
    /// agree now: it is being answered, its code is to be chosen first, or nothing is signed.
    pub fn agree(&mut self, id: Uuid, by: &User) -> Option<(Entry, Agreed)> {
        let entry = self.waiting.get_mut(&id)?;
        if entry.state != State::Offered
            || entry.offer.signing.is_none()
            || entry.choosing().is_some()
            || entry.picked == Some(Pick::Wrong)
        {
            return None;
        }
        let agreed = entry.agreements.add(by, entry.others_needed);
        Some((entry.clone(), agreed))
    }

    /// Judges the pick of a code for a transaction that waits for an answer. `None` where there is
    /// nothing to pick, or a wrong one was picked that is about to end it.
    pub fn pick(&mut self, id: Uuid, code: &str) -> Option<Pick> {
        let entry = self.waiting.get_mut(&id)?;
        if entry.state != State::Offered || entry.picked == Some(Pick::Wrong) {
            return None;
        }
        let pick = entry.offer.signing.as_ref()?.choice.as_ref()?.judge(code);
        if pick != Pick::NotOffered {
            entry.picked = Some(pick);
        }
        Some(pick)
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
            .map(Entry::shown)
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

        book.apply(id, Event::Withdrawn(Withdrawal::AnsweredElsewhere), None);
        assert!(!book.enter(offer));
        assert!(book.shown().is_empty());
        assert_eq!(book.end_of(id), Some(End::AnsweredElsewhere));
    }

    #[test]
    fn no_pin_is_judged_before_the_right_code_was_picked() {
        let mut book = Book::default();
        let transaction = authentication(
            r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#,
        );
        let offer = examine(transaction, &account(), |_| Some(modulus())).unwrap();
        let right = offer.shown(0, None).verification_code.unwrap();
        let id = offer.transaction.id;
        book.enter(offer);
        let begin = |book: &mut Book| book.apply(id, Event::PinGiven, None).unwrap().1;

        assert!(begin(&mut book).is_empty());
        let listed = book.shown().remove(0);
        assert_eq!(listed.verification_code, None);
        let wrong = listed.code_choice.unwrap();
        let wrong = wrong.iter().find(|code| **code != right).unwrap();
        assert_eq!(book.pick(id, "12345"), Some(Pick::NotOffered));
        assert!(begin(&mut book).is_empty());

        assert_eq!(book.pick(id, &right), Some(Pick::Right));
        let listed = book.shown().remove(0);
        assert_eq!(listed.verification_code, Some(right.clone()));
        assert_eq!(listed.code_choice, None);
        assert_eq!(begin(&mut book), [Effect::Proceed]);
        assert_eq!(book.pick(id, wrong), None, "a PIN is being judged");

        book.apply(id, Event::PinNotAccepted, None);
        assert_eq!(book.pick(id, wrong), Some(Pick::Wrong));
        assert_eq!(book.pick(id, &right), None, "there is no second pick");
        assert!(begin(&mut book).is_empty());
    }

    #[test]
    fn no_pin_is_judged_before_enough_others_agreed_to_this_very_transaction() {
        let mut book = Book::new(1);
        let (this, other) = (offer(), offer());
        let (id, other_id) = (this.transaction.id, other.transaction.id);
        book.enter(this);
        book.enter(other);
        let user = |uid| User { uid, name: None };
        let begin =
            |book: &mut Book, by: Option<&User>| book.apply(id, Event::PinGiven, by).unwrap().1;

        book.agree(other_id, &user(1)).unwrap();
        for by in [None, Some(&user(1)), Some(&user(2))] {
            assert!(begin(&mut book, by).is_empty());
        }
        book.agree(id, &user(1)).unwrap();
        assert!(begin(&mut book, Some(&user(1))).is_empty(), "alone");
        assert_eq!(book.shown()[0].approvals.as_ref().unwrap().needed, 2);
        assert_eq!(begin(&mut book, Some(&user(2))), [Effect::Proceed]);
        assert_eq!(book.agree(id, &user(3)), None, "a PIN is being judged");
    }

    #[test]
    fn who_answers_is_known_until_the_answer_comes_to_nothing() {
        let mut book = Book::default();
        let offer = offer();
        let id = offer.transaction.id;
        book.enter(offer);
        let user = |uid| User { uid, name: None };
        let answerer = |book: &mut Book, event, by: Option<&User>| {
            book.apply(id, event, by).unwrap().0.answerer
        };

        let (first, second) = (user(1), user(2));
        let judged = answerer(&mut book, Event::PinGiven, Some(&first));
        assert_eq!(judged, Some(first.clone()));
        // Who comes in between has no part in it.
        let between = answerer(&mut book, Event::RefusalChosen, Some(&second));
        assert_eq!(between, Some(first));
        assert_eq!(answerer(&mut book, Event::PinNotAccepted, None), None);
        answerer(&mut book, Event::RefusalChosen, Some(&second));
        let refused = Event::RefusalSent(crate::transaction::RefusedAs::Unwanted);
        assert_eq!(answerer(&mut book, refused, None), Some(second));
    }

    #[test]
    fn what_the_service_no_longer_lists_has_expired() {
        let mut book = Book::default();
        let (stays, goes) = (offer(), offer());
        let (stays_id, goes_id) = (stays.transaction.id, goes.transaction.id);
        book.enter(stays);
        book.enter(goes);
        for (id, event) in book.missing_from(&[stays_id]) {
            book.apply(id, event, None);
        }
        assert_eq!(book.end_of(goes_id), Some(End::Expired));
        assert!(book.entry(stays_id).is_some());
    }
}
