//! A played polkit on a private bus. The real one is asked in the scenarios.

use std::sync::Mutex;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::zvariant::OwnedValue;

use super::*;
use crate::test_bus::Bus;

/// What the played polkit was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Asked {
        kind: String,
        name: String,
        action: String,
        account: String,
        flags: u32,
        cancellation: String,
    },
    Cancelled(String),
}

/// Answers the same to all; nothing if it has no answer.
struct Played {
    told: UnboundedSender<Told>,
    answer: Mutex<Option<(bool, bool, &'static str)>>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Played {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedValue>),
        action: String,
        details: HashMap<String, String>,
        flags: u32,
        cancellation: String,
    ) -> (bool, bool, HashMap<String, String>) {
        let name: &str = subject.1["name"].downcast_ref().unwrap();
        self.told
            .send(Told::Asked {
                kind: subject.0.clone(),
                name: name.to_owned(),
                action,
                account: details["account"].clone(),
                flags,
                cancellation,
            })
            .unwrap();
        let answer = *self.answer.lock().unwrap();
        let Some((authorized, challenge, detail)) = answer else {
            return std::future::pending().await;
        };
        let details = [(detail.to_owned(), "true".to_owned())];
        (authorized, challenge, HashMap::from(details))
    }

    async fn cancel_check_authorization(&self, cancellation: String) {
        self.told.send(Told::Cancelled(cancellation)).unwrap();
    }
}

struct Stage {
    bus: Bus,
    _polkit: Connection,
    told: UnboundedReceiver<Told>,
    daemon: Connection,
    caller: Connection,
}

impl Stage {
    async fn set(answer: Option<(bool, bool, &'static str)>) -> Option<Self> {
        let bus = Bus::start()?;
        let connect = async || {
            crate::bus::client::connect(Some(&bus.address))
                .await
                .unwrap()
        };
        let polkit = connect().await;
        let (sender, told) = unbounded_channel();
        let played = Played {
            told: sender,
            answer: Mutex::new(answer),
        };
        let path = "/org/freedesktop/PolicyKit1/Authority";
        polkit.object_server().at(path, played).await.unwrap();
        polkit
            .request_name("org.freedesktop.PolicyKit1")
            .await
            .unwrap();
        Some(Self {
            daemon: connect().await,
            caller: connect().await,
            _polkit: polkit,
            told,
            bus,
        })
    }

    async fn subject(&self, interactive: bool, patience: Patience) -> Subject {
        let mut polkit = Polkit::new(&self.daemon).await.unwrap();
        polkit.patience = patience;
        let name = self.caller.unique_name().unwrap().clone();
        Subject::new(Arc::new(polkit), name, interactive)
    }
}

fn details() -> Details {
    about("PNOEE-30303039914-MOCK-Q", Owner::Group(50))
}

#[tokio::test(flavor = "multi_thread")]
async fn polkit_is_asked_about_the_connection_and_its_answer_is_taken_as_it_is() {
    for (answer, decision) in [
        ((true, false, ""), Decision::Authorized),
        ((false, false, ""), Decision::Denied),
        ((false, true, ""), Decision::WantsAuthentication),
        ((false, false, "polkit.dismissed"), Decision::Dismissed),
        ((false, true, "polkit.dismissed"), Decision::Dismissed),
    ] {
        let Some(mut stage) = Stage::set(Some(answer)).await else {
            return;
        };
        for interactive in [false, true] {
            let subject = stage.subject(interactive, PATIENCE).await;
            let told = subject.ask(Action::Approve, &details()).await;
            assert_eq!(told, Ok(decision), "{answer:?}");
            let Some(Told::Asked {
                kind,
                name,
                action,
                account,
                flags,
                cancellation,
            }) = stage.told.recv().await
            else {
                panic!("nothing was asked");
            };
            assert_eq!(kind, "system-bus-name");
            assert_eq!(name, stage.caller.unique_name().unwrap().as_str());
            assert_eq!(action, "org.symbolon.Symbolon1.approve");
            assert_eq!(account, "PNOEE-30303039914-MOCK-Q");
            assert_eq!(flags, u32::from(interactive));
            assert!(!cancellation.is_empty());
        }
        let refusal = decision.refusal(Action::Approve);
        assert_eq!(refusal.is_none(), decision == Decision::Authorized);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_polkit_nothing_is_allowed() {
    let Some(stage) = Stage::set(Some((true, false, ""))).await else {
        return;
    };
    let released = stage._polkit.release_name("org.freedesktop.PolicyKit1");
    assert!(released.await.unwrap());
    let subject = stage.subject(true, PATIENCE).await;
    let undecided = subject.ask(Action::See, &details()).await.unwrap_err();
    let fault = Fault::from(undecided);
    assert_eq!(fault.kind, FaultKind::NotAuthorized);
    assert!(fault.text.contains("could not be asked"), "{fault}");
}

#[test]
fn who_could_authenticate_is_told_so_and_who_may_not_at_all_is_not() {
    let kind = |decision: Decision| decision.refusal(Action::Approve).map(|fault| fault.kind);
    assert_eq!(kind(Decision::Authorized), None);
    assert_eq!(
        kind(Decision::WantsAuthentication),
        Some(FaultKind::AuthenticationNeeded)
    );
    for refused in [Decision::Denied, Decision::Dismissed] {
        assert_eq!(kind(refused), Some(FaultKind::NotAuthorized));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polkit_that_does_not_answer_is_a_refusal_and_the_question_is_taken_back() {
    let Some(mut stage) = Stage::set(None).await else {
        return;
    };
    let patience = Patience {
        rules: Duration::from_millis(200),
        ..PATIENCE
    };
    let subject = stage.subject(false, patience).await;
    let told = subject.ask(Action::Approve, &details()).await;
    assert!(told.unwrap_err().0.contains("did not answer"));
    expect_taken_back(&mut stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_is_not_asked_to_authenticate_any_more() {
    let Some(mut stage) = Stage::set(None).await else {
        return;
    };
    let subject = stage.subject(true, PATIENCE).await;
    let asking = tokio::spawn(async move { subject.ask(Action::Administer, &details()).await });
    let asked = stage.told.recv().await;
    let other = crate::bus::client::connect(Some(&stage.bus.address));
    let caller = std::mem::replace(&mut stage.caller, other.await.unwrap());
    caller.close().await.unwrap();
    let told = asking.await.unwrap();
    assert!(told.unwrap_err().0.contains("left"));
    let (Some(Told::Asked { cancellation, .. }), Some(Told::Cancelled(cancelled))) =
        (asked, stage.told.recv().await)
    else {
        panic!("the question was not taken back");
    };
    assert_eq!(cancelled, cancellation);
}

async fn expect_taken_back(stage: &mut Stage) {
    let (Some(Told::Asked { cancellation, .. }), Some(Told::Cancelled(cancelled))) =
        (stage.told.recv().await, stage.told.recv().await)
    else {
        panic!("the question was not taken back");
    };
    assert_eq!(cancelled, cancellation);
}
