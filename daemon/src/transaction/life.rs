//! The life of one transaction: `(state, event) -> (state, effects)`, and nothing else.
//!
//! ```text
//! Offered --PinGiven--> Judging --ShareMade--> Confirming --Ended(_)--> Ended
//!    ^  \                  |                        |
//!    |   `-RefusalChosen-> Refusing --RefusalSent-->|  (no answer: it stays, and is repeated)
//!    `---PinNotAccepted----'  `-RefusalFailed-> Offered
//! Offered --ConsentGiven-> Consenting --ConsentSent--> Ended, or --ConsentFailed-> Offered
//! ```
//!
//! A withdrawal ends what is offered or being judged. Once the share is on its way only the
//! service's answer counts: the withdrawal may be of our own making.

use symbolon_protocol::device::events::Withdrawal;

use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::HistoryEvent;

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The person may approve or refuse.
    Offered,
    /// A PIN is with the hardware.
    Judging,
    /// The share is made and stored, or on its way; the service's answer decides.
    Confirming,
    /// A consent is on its way.
    Consenting,
    /// A refusal is on its way.
    Refusing,
    /// It is over.
    Ended(End),
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Approved here; the signature is complete.
    Approved,
    /// Agreed to here, where nothing was to be signed.
    Consented,
    /// Refused here.
    Refused,
    /// Refused here, as something that its person did not start.
    Disowned,
    /// Another device of the person answered it.
    AnsweredElsewhere,
    /// Its time was over.
    Expired,
    /// The account was locked or closed.
    AccountUnusable,
    /// The person picked a wrong verification code.
    WrongCode,
    /// The service would not have it.
    Failed,
}

/// What happens to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The person gave a PIN for it.
    PinGiven,
    /// The hardware judged the PIN wrong or not at all.
    PinNotAccepted,
    /// The PIN was right: there is a share.
    ShareMade,
    /// The share could not be stored; it was not sent.
    ShareNotStored,
    /// The service decided on the share.
    Answered(End),
    /// The person picked a wrong verification code; there is no second pick.
    WrongCodePicked,
    /// The person agrees to what needs no PIN.
    ConsentGiven,
    /// The service took the consent.
    ConsentSent,
    /// The consent did not reach the service.
    ConsentFailed,
    /// The person refuses.
    RefusalChosen,
    /// The service took the refusal.
    RefusalSent(RefusedAs),
    /// The refusal did not reach the service.
    RefusalFailed,
    /// The service withdrew it.
    Withdrawn(Withdrawal),
    /// Its time is over by our own count.
    TimeOver,
}

/// What a person says of a transaction that they refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedAs {
    /// They do not want it.
    Unwanted,
    /// They did not start it: somebody else did, in their name.
    NotMine,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Go on with what was asked: judge the PIN, send the share, the consent or the refusal.
    Proceed,
    /// Tell whoever shows it that it is over.
    TellEnd(End),
    /// Write it down.
    Record(HistoryEvent),
}

/// What an event makes of a state. An event that does not fit changes nothing.
pub fn step(state: State, event: Event) -> (State, Vec<Effect>) {
    match (state, event) {
        (State::Offered, Event::PinGiven) => (State::Judging, vec![Effect::Proceed]),
        (State::Offered, Event::RefusalChosen) => (State::Refusing, vec![Effect::Proceed]),
        (State::Offered, Event::WrongCodePicked) => end(End::WrongCode),
        (State::Judging, Event::PinNotAccepted) => (State::Offered, Vec::new()),
        (State::Judging, Event::ShareMade) => (State::Confirming, vec![Effect::Proceed]),
        (State::Confirming, Event::ShareNotStored) => (State::Offered, Vec::new()),
        (State::Offered, Event::ConsentGiven) => (State::Consenting, vec![Effect::Proceed]),
        (State::Consenting, Event::ConsentFailed) => (State::Offered, Vec::new()),
        (State::Consenting, Event::ConsentSent) => end(End::Consented),
        (State::Refusing, Event::RefusalFailed) => (State::Offered, Vec::new()),
        (State::Refusing, Event::RefusalSent(RefusedAs::Unwanted)) => end(End::Refused),
        (State::Refusing, Event::RefusalSent(RefusedAs::NotMine)) => end(End::Disowned),
        (State::Confirming | State::Consenting | State::Refusing, Event::Answered(how)) => end(how),
        (State::Offered | State::Judging, Event::Withdrawn(reason)) => end(match reason {
            Withdrawal::AnsweredElsewhere => End::AnsweredElsewhere,
            Withdrawal::Expired => End::Expired,
            Withdrawal::AccountUnusable => End::AccountUnusable,
        }),
        // A PIN that is being judged may still bring a share in time: the service knows.
        (State::Offered, Event::TimeOver) => end(End::Expired),
        (state, _) => (state, Vec::new()),
    }
}

fn end(how: End) -> (State, Vec<Effect>) {
    let record = match how {
        End::Approved => Some(HistoryEvent::Approved),
        End::Consented => Some(HistoryEvent::Consented),
        End::Refused => Some(HistoryEvent::Refused),
        End::Disowned => Some(HistoryEvent::Disowned),
        End::AnsweredElsewhere => Some(HistoryEvent::AnsweredElsewhere),
        End::Expired => Some(HistoryEvent::Expired),
        End::WrongCode => Some(HistoryEvent::WrongCode),
        // The lock or closing itself stands in the history.
        End::AccountUnusable => None,
        End::Failed => Some(HistoryEvent::RefusedByDevice),
    };
    let mut effects = vec![Effect::TellEnd(how)];
    effects.extend(record.map(Effect::Record));
    (State::Ended(how), effects)
}

impl End {
    const ALL: [Self; 9] = [
        Self::Approved,
        Self::Consented,
        Self::Refused,
        Self::Disowned,
        Self::AnsweredElsewhere,
        Self::Expired,
        Self::AccountUnusable,
        Self::WrongCode,
        Self::Failed,
    ];

    /// The reason of the signal `Withdrawn`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Consented => "consented",
            Self::Refused => "refused",
            Self::Disowned => "disowned",
            Self::AnsweredElsewhere => "answeredElsewhere",
            Self::Expired => "expired",
            Self::AccountUnusable => "accountUnusable",
            Self::WrongCode => "wrongCode",
            Self::Failed => "invalid",
        }
    }

    /// The end that a signal `Withdrawn` tells of; `None` for one that is not known here.
    pub fn of_reason(reason: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.as_str() == reason)
    }

    /// Why a transaction that ended so cannot be answered.
    pub fn fault(self) -> Fault {
        let (kind, what, remedy) = match self {
            Self::Approved
            | Self::Consented
            | Self::Refused
            | Self::Disowned
            | Self::AnsweredElsewhere => (
                FaultKind::AnsweredElsewhere,
                "the transaction was answered already",
                "there is nothing left to do",
            ),
            Self::Expired => (
                FaultKind::Expired,
                "the transaction's time is over",
                "ask the relying party to start again",
            ),
            Self::AccountUnusable => (
                FaultKind::Expired,
                "the transaction was withdrawn because the account was locked or closed",
                "`symbolon accounts` says how it stands",
            ),
            Self::WrongCode => (
                FaultKind::Expired,
                "the transaction was ended by a wrong verification code",
                "if you began it yourself, begin again",
            ),
            Self::Failed => (
                FaultKind::Expired,
                "the transaction was refused as invalid",
                "`symbolon history` says why; ask the relying party to start again",
            ),
        };
        Fault::with_remedy(kind, what, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 6] = [
        State::Offered,
        State::Judging,
        State::Confirming,
        State::Consenting,
        State::Refusing,
        State::Ended(End::Refused),
    ];
    const EVENTS: [Event; 17] = [
        Event::PinGiven,
        Event::PinNotAccepted,
        Event::ShareMade,
        Event::ShareNotStored,
        Event::Answered(End::Approved),
        Event::WrongCodePicked,
        Event::ConsentGiven,
        Event::ConsentSent,
        Event::ConsentFailed,
        Event::RefusalChosen,
        Event::RefusalSent(RefusedAs::Unwanted),
        Event::RefusalSent(RefusedAs::NotMine),
        Event::RefusalFailed,
        Event::Withdrawn(Withdrawal::AnsweredElsewhere),
        Event::Withdrawn(Withdrawal::Expired),
        Event::Withdrawn(Withdrawal::AccountUnusable),
        Event::TimeOver,
    ];

    /// Rows: states; columns: events. `.` is "nothing changes"; a letter is the new state.
    const TABLE: [&str; 6] = [
        // PinGiven PinNot ShareMade NotStored Answered Code ConGiven ConSent ConFailed RefChosen
        // RefSent RefSent RefFailed W W W TimeOver
        "J . . . . E T . . R . . . E E E E",
        ". O C . . . . . . . . . . E E E .",
        ". . . O E . . . . . . . . . . . .",
        ". . . . E . . E O . . . . . . . .",
        ". . . . E . . . . . E E O . . . .",
        ". . . . . . . . . . . . . . . . .",
    ];

    #[test]
    fn every_event_in_every_state_does_what_the_table_says() {
        for (state, row) in STATES.into_iter().zip(TABLE) {
            for (event, cell) in EVENTS.into_iter().zip(row.split(' ')) {
                let (after, effects) = step(state, event);
                let letter = match after {
                    _ if after == state => ".",
                    State::Offered => "O",
                    State::Judging => "J",
                    State::Confirming => "C",
                    State::Consenting => "T",
                    State::Refusing => "R",
                    State::Ended(_) => "E",
                };
                assert_eq!(letter, cell, "{state:?} {event:?}");
                let proceeds = effects.contains(&Effect::Proceed);
                assert_eq!(proceeds, "JCTR".contains(cell), "{state:?} {event:?}");
                let tells = effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::TellEnd(_)));
                assert_eq!(tells, cell == "E", "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_end_is_known_by_the_reason_that_is_told() {
        for how in End::ALL {
            assert_eq!(End::of_reason(how.as_str()), Some(how));
        }
        assert_eq!(End::of_reason("of a newer daemon"), None);
    }

    #[test]
    fn an_approval_on_its_way_is_not_undone_by_a_withdrawal() {
        let (state, _) = step(
            State::Confirming,
            Event::Withdrawn(Withdrawal::AnsweredElsewhere),
        );
        let (state, effects) = step(state, Event::Answered(End::Approved));
        assert_eq!(state, State::Ended(End::Approved));
        assert!(effects.contains(&Effect::Record(HistoryEvent::Approved)));
    }

    #[test]
    fn a_share_for_a_withdrawn_transaction_is_not_sent() {
        let (state, _) = step(State::Judging, Event::Withdrawn(Withdrawal::Expired));
        let (_, effects) = step(state, Event::ShareMade);
        assert!(effects.is_empty());
    }
}
