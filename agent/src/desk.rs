//! What is on the person's desk: one request at a time, the others wait. What the person took up
//! themselves comes before what was pushed to them, and takes the place of what is only shown. A pure step from event
//! to effects; clocks, buses and windows are elsewhere.

use std::collections::{HashSet, VecDeque};

use tokio::time::Instant;

use crate::daemon::Offer;

/// Everything that can happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// The daemon listed all that waits, oldest first.
    Listed(Vec<Offer>),
    /// The daemon took a transaction back.
    Withdrawn { id: String, reason: String },
    /// The daemon left the bus.
    DaemonLost,
    /// "Approve…" or the notification itself was pressed.
    ApproveChosen,
    /// One of the codes to choose from was pressed.
    CodeChosen(String),
    /// "Confirm" was pressed, where no PIN is needed.
    ConsentChosen,
    /// A consent did not arrive; why.
    ConsentFailed(String),
    /// "Reject" was pressed.
    RejectChosen,
    /// "Not mine" was pressed.
    NotMineChosen,
    /// The person closed the notification, which answers nothing.
    Dismissed,
    /// Another notification server took over; what the former one showed is gone.
    ServerReplaced,
    /// The session is locked or in the background, or is not any more.
    Hidden(bool),
    /// An approval got on. What an earlier one says late is not heard.
    Approval(AttemptNumber, Progress),
    /// Time went by.
    Tick,
}

/// Tells approvals apart, also two of one request.
pub(crate) type AttemptNumber = u64;

/// How an approval gets on.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A PIN was typed and is on its way: from here on only the verdict counts.
    PinEntered,
    /// It was not accepted; the person is asked again.
    PinDenied,
    /// It is over, with something to tell or without.
    Ended(Option<String>),
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Show the request.
    Show(Offer),
    /// Take the shown request away.
    Close,
    /// Ask for the PIN.
    StartApproval(AttemptNumber, Request),
    /// Take the PIN prompt away.
    StopApproval,
    /// Tell the daemon that the person declined.
    Refuse(String),
    /// Tell the daemon that the person agreed.
    Consent(String),
    /// Tell the daemon that the person did not start it.
    Disown(String),
    /// Tell the person something that needs no answer.
    Tell(String),
}

/// An offer and the moment until which it can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) offer: Offer,
    pub(crate) expires: Instant,
    /// The code that the person picked, where there was a choice.
    pub(crate) picked: Option<String>,
}

/// The desk.
#[derive(Debug)]
pub(crate) struct Desk {
    waiting: VecDeque<Request>,
    phase: Phase,
    hidden: bool,
    dismissed: HashSet<String>,
    attempts: AttemptNumber,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Empty,
    Showing(Request),
    Prompting(Request),
    /// The PIN is with the daemon.
    Submitted(Request),
}

impl Desk {
    /// An empty desk, hidden until it is known that the session is not locked.
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            phase: Phase::Empty,
            hidden: true,
            dismissed: HashSet::new(),
            attempts: 0,
        }
    }

    /// Takes one event; effects are to be carried out in order.
    pub(crate) fn step(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Listed(offers) => self.list(offers, now, &mut effects),
            Event::Withdrawn { id, reason } => self.withdraw(&id, &reason, &mut effects),
            Event::DaemonLost => {
                self.waiting.clear();
                self.clear(None, &mut effects);
            }
            Event::ApproveChosen => self.approve(None, &mut effects),
            Event::CodeChosen(code) => self.approve(Some(code), &mut effects),
            Event::ConsentChosen => self.consent(&mut effects),
            Event::ConsentFailed(why) => effects.push(Effect::Tell(why)),
            Event::RejectChosen => self.decline(Effect::Refuse, &mut effects),
            Event::NotMineChosen => self.decline(Effect::Disown, &mut effects),
            Event::Dismissed => {
                if let Phase::Showing(request) = std::mem::take(&mut self.phase) {
                    self.dismissed.insert(request.offer.id);
                }
            }
            Event::ServerReplaced => {
                if let Phase::Showing(request) = std::mem::take(&mut self.phase) {
                    self.waiting.push_front(request);
                }
            }
            Event::Hidden(hidden) => self.hide(hidden, &mut effects),
            Event::Approval(attempt, progress) => {
                if attempt == self.attempts {
                    self.progress(progress, &mut effects);
                }
            }
            Event::Tick => {}
        }
        self.expire(now, &mut effects);
        self.make_way(&mut effects);
        self.show_next(&mut effects);
        effects
    }

    /// When the next request runs out, if any waits or is shown.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let shown = match &self.phase {
            Phase::Showing(request) | Phase::Prompting(request) => Some(request.expires),
            Phase::Empty | Phase::Submitted(_) => None,
        };
        let waiting = self.waiting.iter().map(|request| request.expires);
        waiting.chain(shown).min()
    }

    /// Where there is a choice of codes, a code is needed to go on, and nowhere else.
    fn approve(&mut self, picked: Option<String>, effects: &mut Vec<Effect>) {
        match std::mem::take(&mut self.phase) {
            Phase::Showing(request) if request.offer.takes(picked.as_ref()) => {
                self.attempts += 1;
                let request = Request { picked, ..request };
                effects.push(Effect::Close);
                effects.push(Effect::StartApproval(self.attempts, request.clone()));
                self.phase = Phase::Prompting(request);
            }
            other => self.phase = other,
        }
    }

    /// Where something is to be signed, a PIN is needed.
    fn consent(&mut self, effects: &mut Vec<Effect>) {
        match std::mem::take(&mut self.phase) {
            Phase::Showing(request) if request.offer.purpose.is_none() => {
                effects.push(Effect::Close);
                effects.push(Effect::Consent(request.offer.id));
            }
            other => self.phase = other,
        }
    }

    fn decline(&mut self, how: impl FnOnce(String) -> Effect, effects: &mut Vec<Effect>) {
        match std::mem::take(&mut self.phase) {
            Phase::Showing(request) => {
                effects.push(Effect::Close);
                effects.push(how(request.offer.id));
            }
            other => self.phase = other,
        }
    }

    fn list(&mut self, offers: Vec<Offer>, now: Instant, effects: &mut Vec<Effect>) {
        let listed: HashSet<String> = offers.iter().map(|offer| offer.id.clone()).collect();
        self.dismissed.retain(|id| listed.contains(id));
        if self
            .current()
            .is_some_and(|current| !listed.contains(current))
        {
            self.clear(None, effects);
        }
        self.waiting = offers
            .into_iter()
            .filter(|offer| !self.dismissed.contains(&offer.id))
            .filter(|offer| self.current() != Some(&offer.id))
            .map(|offer| Request {
                expires: now + offer.time_left,
                offer,
                picked: None,
            })
            .collect();
    }

    fn withdraw(&mut self, id: &str, reason: &str, effects: &mut Vec<Effect>) {
        self.waiting.retain(|request| request.offer.id != id);
        self.dismissed.remove(id);
        if self.current() == Some(id) {
            self.clear(explanation(reason), effects);
        }
    }

    fn hide(&mut self, hidden: bool, effects: &mut Vec<Effect>) {
        self.hidden = hidden;
        if !hidden {
            return;
        }
        match std::mem::take(&mut self.phase) {
            Phase::Showing(request) => {
                effects.push(Effect::Close);
                self.waiting.push_front(request);
            }
            Phase::Prompting(request) => {
                effects.push(Effect::StopApproval);
                self.waiting.push_front(request);
            }
            other => self.phase = other,
        }
    }

    fn progress(&mut self, progress: Progress, effects: &mut Vec<Effect>) {
        match (std::mem::take(&mut self.phase), progress) {
            (Phase::Prompting(request), Progress::PinEntered) => {
                self.phase = Phase::Submitted(request);
            }
            (Phase::Submitted(request), Progress::PinDenied) => {
                self.phase = Phase::Prompting(request);
                // What happened meanwhile is made up for.
                self.hide(self.hidden, effects);
            }
            (Phase::Prompting(_) | Phase::Submitted(_), Progress::Ended(news)) => {
                effects.extend(news.map(Effect::Tell));
            }
            // A prompt that was stopped is over already as far as the desk is concerned.
            (phase, _) => self.phase = phase,
        }
    }

    fn expire(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.waiting.retain(|request| request.expires > now);
        if let Phase::Showing(request) | Phase::Prompting(request) = &self.phase
            && request.expires <= now
        {
            self.clear(None, effects);
        }
    }

    /// Takes what is shown or asked away; what was submitted waits for its verdict.
    fn clear(&mut self, news: Option<&str>, effects: &mut Vec<Effect>) {
        match std::mem::take(&mut self.phase) {
            Phase::Showing(_) => effects.push(Effect::Close),
            Phase::Prompting(_) => effects.push(Effect::StopApproval),
            phase @ (Phase::Empty | Phase::Submitted(_)) => {
                self.phase = phase;
                return;
            }
        }
        effects.extend(news.map(|news| Effect::Tell(news.to_owned())));
    }

    fn show_next(&mut self, effects: &mut Vec<Effect>) {
        if self.hidden || !matches!(self.phase, Phase::Empty) {
            return;
        }
        if let Some(request) = self.take_next() {
            effects.push(Effect::Show(request.offer.clone()));
            self.phase = Phase::Showing(request);
        }
    }

    fn take_next(&mut self) -> Option<Request> {
        let taken_up = self
            .waiting
            .iter()
            .position(|request| !request.offer.pushed);
        self.waiting.remove(taken_up.unwrap_or(0))
    }

    fn make_way(&mut self, effects: &mut Vec<Effect>) {
        let waits = self.waiting.iter().any(|request| !request.offer.pushed);
        match std::mem::take(&mut self.phase) {
            Phase::Showing(request) if waits && request.offer.pushed => {
                effects.push(Effect::Close);
                self.waiting.push_front(request);
            }
            other => self.phase = other,
        }
    }

    fn current(&self) -> Option<&str> {
        match &self.phase {
            Phase::Empty => None,
            Phase::Showing(request) | Phase::Prompting(request) | Phase::Submitted(request) => {
                Some(&request.offer.id)
            }
        }
    }
}

/// What a person is told about a request that vanished; nothing where it simply ran out.
fn explanation(reason: &str) -> Option<&'static str> {
    match reason {
        "answeredElsewhere" => Some("The request was answered on another device."),
        "accountUnusable" => Some("The account was locked or closed. See: symbolon status"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
