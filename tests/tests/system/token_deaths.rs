//! Death at every step on a token: of a PIN's entry, after which no count is below what was judged,
//! and of an enrolment, of which nothing stays.

use std::thread;

// So that cargo builds the module.
use obstinate_module as _;
use serde_json::Value;
use sqlx::Row;
use symbolon_tests::cli::{Cli, Said, code};
use symbolon_tests::device::enrol;
use symbolon_tests::eventually::{SOON, eventually, until};
use symbolon_tests::obstinate::Obstinate;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig, WRONG_PIN};

/// What changes or uses something on a token. What only looks has no step of its own.
const STEPS: [&str; 3] = ["C_CreateObject", "C_DestroyObject", "C_Sign"];

fn rig() -> Option<(Rig, String)> {
    let plan = Plan::default().obstinate_token();
    plan.start().map(Rig::with_account)
}

/// Entries of PIN1, and wrong ones in a row, as the service has them in its books.
fn books(rig: &Rig) -> (i64, i64) {
    let mut books = (0, 0);
    rig.service.folder().in_store(async |store| {
        let statement = "SELECT entries, failures FROM pin_proof WHERE purpose = 'authentication'";
        let row = sqlx::query(statement).fetch_one(store).await.unwrap();
        books = (row.get("entries"), row.get("failures"));
    });
    books
}

/// Wrong ones in a row, as the device has them on its token.
fn on_token(rig: &Rig, document: &str) -> i64 {
    let standing: Value = rig.device.standing(document, "pin1");
    3 - standing["triesLeft"].as_i64().unwrap_or(0)
}

/// Enters a PIN, and kills the daemon at the `chosen` step. The step, if there were that many.
fn killed_at(rig: &mut Rig, chosen: usize, id: &str, pin: &str) -> Option<String> {
    let (id, pin) = (id.to_owned(), pin.to_owned());
    killed_while(rig, chosen, &STEPS, move |cli| {
        cli.json(&["approve", &id, "--pin-stdin"], &[&pin])
    })
}

/// Has a command do something, kills the daemon at the `chosen` of these steps, and starts it
/// again. The step, if there were that many.
fn killed_while(
    rig: &mut Rig,
    chosen: usize,
    steps: &[&str],
    act: impl FnOnce(&Cli) -> Said + Send + 'static,
) -> Option<String> {
    let obstinate = Obstinate::before(&rig.device.token());
    obstinate.hang_after(chosen, steps);
    let cli = rig.device.cli.clone();
    let acting = thread::spawn(move || act(&cli));
    let step = eventually("a step, or the end", SOON, || {
        let hanging = obstinate.hangs_in();
        (hanging.is_some() || acting.is_finished()).then_some(hanging)
    });
    if step.is_some() {
        rig.device.daemon.kill9();
    }
    acting.join().unwrap();
    obstinate.behave();
    if step.is_some() {
        rig.device.daemon.restart();
    }
    step
}

#[test]
fn s136_the_daemon_killed_at_any_step_of_an_entry_on_a_token() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    for pin in [WRONG_PIN, PIN1] {
        let mut steps = Vec::new();
        loop {
            let (_, judged) = books(&rig);
            let (login, id) = rig.ask_to_log_in(&document);
            let step = killed_at(&mut rig, steps.len(), &id, pin);
            rig.device.wait_until_connected(&document);
            let when = format!("{pin} killed after {steps:?} at {step:?}");
            let (_, in_books) = books(&rig);
            let counted = on_token(&rig, &document);
            assert!(counted >= in_books, "{when}: {counted} of {in_books}");
            if pin == WRONG_PIN {
                assert!(in_books >= judged, "{when}: {in_books} after {judged}");
                rig.device.refuse(&id).must_be(code::DONE);
            } else if rig.relying_party.is_running(&login.session) {
                let said = rig.device.approve(&id, PIN1);
                // It may send by itself what it had made.
                assert!(
                    matches!(said.code, code::DONE | code::NOT_FOUND),
                    "{when}: {said:?}"
                );
            }
            let Some(step) = step else { break };
            steps.push(step);
            // A right PIN takes all back, whatever was left behind.
            rig.log_in(&document);
            assert_eq!(on_token(&rig, &document), 0, "{when}");
            assert_eq!(books(&rig).1, 0, "{when}");
        }
        assert!(steps.len() >= 4, "{pin} was killed at {steps:?} alone");
    }
}

/// Enters a PIN that the service hears of, and kills the service before the device hears of it.
fn judged_by_the_dying(rig: &mut Rig, id: &str, pin: &str) -> Said {
    let (entries, _) = books(rig);
    // The service is asked for the account first: it falls silent when the PIN's key is used.
    let obstinate = Obstinate::before(&rig.device.token());
    obstinate.hang_after(0, &["C_Sign"]);
    let cli = rig.device.cli.clone();
    let (id, pin) = (id.to_owned(), pin.to_owned());
    let entering = thread::spawn(move || cli.json(&["approve", &id, "--pin-stdin"], &[&pin]));
    until("the PIN's key to be used", SOON, || {
        obstinate.hangs_in().is_some()
    });
    rig.wire.deafen();
    obstinate.behave();
    until("the service to count", SOON, || books(rig).0 > entries);
    rig.service.process().kill9();
    rig.wire.mend();
    rig.service.restart();
    entering.join().unwrap()
}

#[test]
fn s137_the_service_killed_after_it_counted_and_before_it_answered() {
    let Some((mut rig, document)) = rig() else {
        return;
    };
    for left in [1, 2] {
        let (_, id) = rig.ask_to_log_in(&document);
        let said = judged_by_the_dying(&mut rig, &id, WRONG_PIN);
        assert!(
            matches!(said.code, code::WRONG_PIN | code::SERVICE_UNREACHABLE),
            "{said:?}"
        );
        rig.device.wait_until_connected(&document);
        assert_eq!(books(&rig).1, left);
        assert_eq!(on_token(&rig, &document), left);
        rig.device.refuse(&id).must_be(code::DONE);
    }
    let (login, id) = rig.ask_to_log_in(&document);
    let said = judged_by_the_dying(&mut rig, &id, PIN1);
    assert!(
        matches!(said.code, code::DONE | code::SERVICE_UNREACHABLE),
        "{said:?}"
    );
    rig.device.wait_until_connected(&document);
    if said.code != code::DONE {
        rig.device.approve(&id, PIN1).must_be(code::DONE);
    }
    assert_eq!(rig.end_of(&login.session), "OK");
    assert_eq!((on_token(&rig, &document), books(&rig).1), (0, 0));
}

#[test]
fn s193_the_daemon_killed_while_an_enrolment_makes_its_keys_on_a_token() {
    const STEPS: [&str; 5] = [
        "C_GenerateKeyPair",
        "C_GenerateKey",
        "C_GetAttributeValue",
        "C_CreateObject",
        "C_Sign",
    ];
    let Some(mut rig) = Plan::default().obstinate_token().start() else {
        return;
    };
    let token = rig.device.token();
    let mut steps = Vec::new();
    while token.objects() == 0 {
        // The token is examined now, so that the steps are the enrolment's own.
        rig.device.cli.json(&["doctor"], &[]);
        let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
        let step = killed_while(&mut rig, steps.len(), &STEPS, move |cli| {
            enrol(cli, &code, PIN1, PIN2)
        });
        steps.extend(step);
        let notes = rig.device.daemon.state().join("enrolments");
        until("the enrolment to be undone, or finished", SOON, || {
            std::fs::read_dir(&notes).is_ok_and(|mut notes| notes.next().is_none())
        });
    }
    let accounts = rig.device.cli.json(&["accounts"], &[]).value();
    let Some(account) = accounts["accounts"][0]["documentNumber"].as_str() else {
        panic!("after {steps:?} the token holds what is of no account: {accounts:#}");
    };
    assert!(steps.len() >= 8, "killed at {steps:?} alone");
    rig.device.wait_until_connected(account);
    rig.log_in(account);
}
