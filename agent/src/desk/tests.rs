//! The whole life of requests on the desk, without clocks, buses or windows.

use std::time::Duration;

use super::*;
use crate::daemon::Purpose;

const LIFE: Duration = Duration::from_secs(120);

fn offer(id: &str) -> Offer {
    Offer {
        id: id.into(),
        purpose: Some(Purpose::Authentication),
        relying_party_name: "Bank of X".into(),
        brokered_relying_party_name: None,
        text: "Log in".into(),
        pushed: true,
        verification_code: Some("4821".into()),
        code_choice: None,
        is_bare_login: false,
        time_left: LIFE,
    }
}

fn listed(ids: &[&str]) -> Event {
    Event::Listed(ids.iter().map(|id| offer(id)).collect())
}

/// A request that needs no PIN.
fn certificate(id: &str) -> Offer {
    Offer {
        purpose: None,
        text: String::new(),
        verification_code: None,
        ..offer(id)
    }
}

#[test]
fn a_consent_needs_its_own_button_and_no_pin() {
    let mut scene = Scene::new();
    scene.step(Event::Listed(vec![certificate("1")]));
    assert_eq!(scene.step(Event::ApproveChosen), []);
    let consent = Effect::Consent("1".into());
    assert_eq!(scene.step(Event::ConsentChosen), [Effect::Close, consent]);
    let why = "The service cannot be reached.".to_owned();
    assert_eq!(
        scene.step(Event::ConsentFailed(why.clone())),
        [Effect::Tell(why)]
    );

    scene.step(listed(&["2"]));
    assert_eq!(scene.step(Event::ConsentChosen), [], "it is to be signed");
}

fn withdrawn(id: &str, reason: &str) -> Event {
    Event::Withdrawn {
        id: id.into(),
        reason: reason.into(),
    }
}

/// A desk in an unlocked session, and its clock's zero.
struct Scene {
    desk: Desk,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        let start = Instant::now();
        let mut scene = Self {
            desk: Desk::new(),
            start,
        };
        assert_eq!(scene.at(0, Event::Hidden(false)), []);
        scene
    }

    fn at(&mut self, seconds: u64, event: Event) -> Vec<Effect> {
        self.desk
            .step(event, self.start + Duration::from_secs(seconds))
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        self.at(1, event)
    }

    fn started(&self, attempt: AttemptNumber, id: &str) -> Effect {
        Effect::StartApproval(
            attempt,
            Request {
                offer: offer(id),
                expires: self.start + Duration::from_secs(1) + LIFE,
                picked: None,
            },
        )
    }
}

#[test]
fn one_is_shown_and_the_others_wait() {
    let mut scene = Scene::new();
    assert_eq!(scene.step(listed(&["a", "b"])), [Effect::Show(offer("a"))]);
    assert_eq!(scene.step(listed(&["a", "b", "c"])), []);
    assert_eq!(
        scene.step(Event::RejectChosen),
        [
            Effect::Close,
            Effect::Refuse("a".into()),
            Effect::Show(offer("b"))
        ]
    );
    assert_eq!(
        scene.step(withdrawn("b", "expired")),
        [Effect::Close, Effect::Show(offer("c"))]
    );
}

#[test]
fn what_the_person_took_up_comes_before_what_was_pushed() {
    let taken_up = |id: &str| Offer {
        pushed: false,
        ..offer(id)
    };
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    let offers = vec![offer("a"), offer("b"), taken_up("c"), taken_up("d")];
    assert_eq!(
        scene.step(Event::Listed(offers)),
        [Effect::Close, Effect::Show(taken_up("c"))]
    );
    for (id, next) in [("c", taken_up("d")), ("d", offer("a")), ("a", offer("b"))] {
        assert_eq!(
            scene.step(withdrawn(id, "expired")),
            [Effect::Close, Effect::Show(next)]
        );
    }
    // A PIN that is being typed is not interrupted.
    let _ = scene.step(Event::ApproveChosen);
    let offers = vec![offer("b"), taken_up("e")];
    assert_eq!(scene.step(Event::Listed(offers)), []);
}

#[test]
fn a_button_opens_the_prompt_and_approves_nothing() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(
        scene.step(Event::ApproveChosen),
        [Effect::Close, scene.started(1, "a")]
    );
    assert_eq!(scene.step(Event::ApproveChosen), []);
    assert_eq!(scene.step(Event::Approval(1, Progress::PinEntered)), []);
    assert_eq!(scene.step(Event::Approval(1, Progress::Ended(None))), []);
    assert_eq!(scene.desk.next_expiry(), None);
}

#[test]
fn what_is_not_mine_is_told_apart_from_what_is_not_wanted() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(
        scene.step(Event::NotMineChosen),
        [Effect::Close, Effect::Disown("a".into())]
    );
    assert_eq!(scene.step(Event::NotMineChosen), []);
}

#[test]
fn a_choice_of_codes_needs_one_of_them() {
    let choice = Offer {
        verification_code: None,
        code_choice: Some(["1111", "4821", "2222"].map(str::to_owned).into()),
        ..offer("a")
    };
    let mut scene = Scene::new();
    assert_eq!(
        scene.step(Event::Listed(vec![choice.clone()])),
        [Effect::Show(choice.clone())]
    );
    assert_eq!(scene.step(Event::ApproveChosen), []);
    assert_eq!(scene.step(Event::CodeChosen("9999".into())), []);
    let request = Request {
        offer: choice,
        expires: scene.start + Duration::from_secs(1) + LIFE,
        picked: Some("1111".into()),
    };
    assert_eq!(
        scene.step(Event::CodeChosen("1111".into())),
        [Effect::Close, Effect::StartApproval(1, request)]
    );
    assert_eq!(scene.step(Event::CodeChosen("4821".into())), []);

    // Where nothing is to be chosen, a code approves nothing.
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(scene.step(Event::CodeChosen("4821".into())), []);
}

#[test]
fn what_is_answered_elsewhere_vanishes_with_a_word() {
    let word = Effect::Tell("The request was answered on another device.".into());
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(
        scene.step(withdrawn("a", "answeredElsewhere")),
        [Effect::Close, word]
    );

    let word = Effect::Tell("The request was answered on another device.".into());
    let _ = scene.step(listed(&["b"]));
    let _ = scene.step(Event::ApproveChosen);
    assert_eq!(
        scene.step(withdrawn("b", "answeredElsewhere")),
        [Effect::StopApproval, word]
    );
    // The stopped prompt's last words find nobody.
    let late = Progress::Ended(Some("late".into()));
    assert_eq!(scene.step(Event::Approval(1, late)), []);
}

#[test]
fn our_own_answer_is_no_news() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    let _ = scene.step(Event::ApproveChosen);
    let _ = scene.step(Event::Approval(1, Progress::PinEntered));
    // The daemon withdraws what was just approved; the verdict is still on its way.
    assert_eq!(scene.step(withdrawn("a", "approved")), []);
    assert_eq!(scene.step(Event::Approval(1, Progress::Ended(None))), []);
}

#[test]
fn an_earlier_attempt_does_not_end_a_later_one() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a", "b"]));
    let _ = scene.step(Event::ApproveChosen);
    let _ = scene.step(withdrawn("a", "expired"));
    assert_eq!(
        scene.step(Event::ApproveChosen),
        [Effect::Close, scene.started(2, "b")]
    );
    assert_eq!(scene.step(Event::Approval(1, Progress::Ended(None))), []);
    assert_eq!(
        scene.step(withdrawn("b", "expired")),
        [Effect::StopApproval]
    );
}

#[test]
fn a_locked_session_shows_nothing_and_gets_it_back() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(scene.step(Event::Hidden(true)), [Effect::Close]);
    assert_eq!(scene.step(listed(&["a", "b"])), []);
    assert_eq!(scene.step(Event::Hidden(false)), [Effect::Show(offer("a"))]);
    let _ = scene.step(Event::ApproveChosen);
    assert_eq!(scene.step(Event::Hidden(true)), [Effect::StopApproval]);
    assert_eq!(scene.step(Event::Hidden(false)), [Effect::Show(offer("a"))]);
}

#[test]
fn nothing_is_shown_before_the_session_is_known_to_be_open() {
    let mut desk = Desk::new();
    let now = Instant::now();
    assert_eq!(desk.step(listed(&["a"]), now), []);
    assert_eq!(
        desk.step(Event::Hidden(false), now),
        [Effect::Show(offer("a"))]
    );
}

#[test]
fn a_lock_while_the_pin_is_judged_takes_the_next_prompt_away() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    let _ = scene.step(Event::ApproveChosen);
    let _ = scene.step(Event::Approval(1, Progress::PinEntered));
    assert_eq!(scene.step(Event::Hidden(true)), []);
    assert_eq!(
        scene.step(Event::Approval(1, Progress::PinDenied)),
        [Effect::StopApproval]
    );
    assert_eq!(scene.step(Event::Hidden(false)), [Effect::Show(offer("a"))]);
}

#[test]
fn what_was_dismissed_does_not_come_back() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a", "b"]));
    assert_eq!(scene.step(Event::Dismissed), [Effect::Show(offer("b"))]);
    assert_eq!(scene.step(listed(&["a", "b", "c"])), []);
    assert_eq!(scene.step(Event::RejectChosen)[2], Effect::Show(offer("c")));
}

#[test]
fn time_takes_away_what_nobody_answered() {
    let mut scene = Scene::new();
    let _ = scene.at(0, listed(&["a"]));
    assert_eq!(scene.desk.next_expiry(), Some(scene.start + LIFE));
    assert_eq!(scene.at(119, Event::Tick), []);
    assert_eq!(scene.at(120, Event::Tick), [Effect::Close]);
    assert_eq!(scene.desk.next_expiry(), None);

    let _ = scene.at(200, listed(&["b"]));
    let _ = scene.at(201, Event::ApproveChosen);
    assert_eq!(scene.at(320, Event::Tick), [Effect::StopApproval]);
}

#[test]
fn a_lost_daemon_clears_the_desk() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a", "b"]));
    assert_eq!(scene.step(Event::DaemonLost), [Effect::Close]);
    assert_eq!(scene.step(listed(&["b"])), [Effect::Show(offer("b"))]);
}

#[test]
fn what_the_daemon_no_longer_lists_is_taken_away() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(
        scene.step(listed(&["b"])),
        [Effect::Close, Effect::Show(offer("b"))]
    );
}

#[test]
fn a_new_notification_server_shows_it_again() {
    let mut scene = Scene::new();
    let _ = scene.step(listed(&["a"]));
    assert_eq!(
        scene.step(Event::ServerReplaced),
        [Effect::Show(offer("a"))]
    );
    let _ = scene.step(Event::ApproveChosen);
    assert_eq!(scene.step(Event::ServerReplaced), []);
}
