//! One prompt at a time per person, and whose turn is next.

use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::transaction::{ListPending, RefusalReason, Refuse};
use symbolon_service::deliveries;
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{House, anybody, document, with_service};
use crate::test_device::TestDevice;

const BANK: Uuid = Uuid::from_u128(1);
const STRANGER: Uuid = Uuid::from_u128(2);

async fn shown(house: &House, device: &TestDevice) -> Vec<Uuid> {
    let pending = house
        .call(device.fingerprint(), Uuid::nil(), &ListPending {})
        .await
        .unwrap();
    pending.transactions.iter().map(|each| each.id).collect()
}

async fn refuse(house: &House, device: &TestDevice, session: Uuid, reason: RefusalReason) {
    let refuse = Refuse {
        reason,
        interaction: None,
    };
    let done = house.call(device.fingerprint(), session, &refuse).await;
    done.unwrap();
}

#[test]
fn the_next_one_is_shown_when_the_first_is_answered() {
    with_service(
        "prompts::the_next_one_is_shown_when_the_first_is_answered",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let other = TestDevice::enrolled(&house, 2).await;
            let first = house.ask_login(document(&device.document_number)).await;
            let second = house.ask_login(document(&other.document_number)).await;
            let third = house.ask_signature(anybody()).await;
            assert_eq!(shown(&house, &device).await, [first]);
            assert!(shown(&house, &other).await.is_empty());
            assert!(house.session(second).await.is_running());

            // Whichever of the person's devices it is for, it is woken.
            let watch = house
                .service
                .sessions
                .hints()
                .watch_device(other.document_number.clone());
            let woken = watch.changed();
            device.approve(&house, first).await.unwrap();
            woken.await;
            assert_eq!(shown(&house, &other).await, [second]);
            assert!(shown(&house, &device).await.is_empty());
            refuse(&house, &other, second, RefusalReason::User).await;
            assert_eq!(shown(&house, &device).await, [third]);
            assert_eq!(shown(&house, &other).await, [third]);
        },
    );
}

#[test]
fn a_relying_party_that_piles_up_requests_keeps_nobody_else_away() {
    with_service(
        "prompts::a_relying_party_that_piles_up_requests_keeps_nobody_else_away",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let mut piled = Vec::new();
            for _ in 0..4 {
                piled.push(house.ask_login_by(STRANGER, anybody()).await);
            }
            let login = house.ask_login_by(BANK, anybody()).await;
            assert_eq!(shown(&house, &device).await, [piled[0]]);
            refuse(&house, &device, piled[0], RefusalReason::User).await;
            assert_eq!(shown(&house, &device).await, [login]);
            refuse(&house, &device, login, RefusalReason::User).await;
            assert_eq!(shown(&house, &device).await, [piled[1]]);

            // Whoever is muted loses the turns of what waits, and learns nothing of it.
            refuse(&house, &device, piled[1], RefusalReason::NotStarted).await;
            assert!(shown(&house, &device).await.is_empty());
            for waiting in &piled[2..] {
                assert!(house.session(*waiting).await.is_running());
            }
            let login = house.ask_login_by(BANK, anybody()).await;
            assert_eq!(shown(&house, &device).await, [login]);
        },
    );
}

#[test]
fn what_runs_out_makes_room_and_what_has_no_time_left_is_not_shown() {
    with_service(
        "prompts::what_runs_out_makes_room_and_what_has_no_time_left_is_not_shown",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let first = house.ask_login(anybody()).await;
            let hurried = house.ask_login(anybody()).await;
            house
                .tamper("UPDATE session SET expires_at = created_at + 5000")
                .await;
            let next = house.ask_login(anybody()).await;
            house
                .tamper(
                    "UPDATE session SET expires_at = 1 \
                     WHERE id = (SELECT session FROM prompt WHERE shown_at IS NOT NULL)",
                )
                .await;
            house.service.sessions.expire_overdue().await.unwrap();
            assert_eq!(house.result(first).await.end_result, EndResult::Timeout);
            assert_eq!(shown(&house, &device).await, [next]);
            let told = deliveries::after(&house.service.store, &device.document_number, None)
                .await
                .unwrap();
            assert!(!told.iter().any(|event| matches!(
                event.event,
                Event::Offered { transaction } if transaction == hurried
            )));
        },
    );
}

#[test]
fn a_prompt_that_nobody_answers_loses_its_turn_and_stays() {
    with_service(
        "prompts::a_prompt_that_nobody_answers_loses_its_turn_and_stays",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let first = house.ask_login(anybody()).await;
            let second = house.ask_login(anybody()).await;
            let third = house.ask_login(anybody()).await;
            house.service.sessions.take_turns().await.unwrap();
            assert_eq!(shown(&house, &device).await, [first]);

            let hints = house.service.sessions.hints();
            let watch = hints.watch_device(device.document_number.clone());
            let woken = watch.changed();
            house
                .tamper("UPDATE prompt SET shown_at = shown_at - 30001")
                .await;
            house.service.sessions.take_turns().await.unwrap();
            woken.await;
            assert_eq!(shown(&house, &device).await, [first, second]);
            // The first one's end is no turn of the third's.
            refuse(&house, &device, first, RefusalReason::User).await;
            assert_eq!(shown(&house, &device).await, [second]);
            refuse(&house, &device, second, RefusalReason::User).await;
            assert_eq!(shown(&house, &device).await, [third]);
        },
    );
}

#[test]
fn what_waits_for_a_closed_account_is_over_with_it() {
    with_service(
        "prompts::what_waits_for_a_closed_account_is_over_with_it",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let other = TestDevice::enrolled(&house, 2).await;
            let first = house.ask_login(anybody()).await;
            let for_it = house.ask_login(document(&device.document_number)).await;
            let for_both = house.ask_login(anybody()).await;
            let close = symbolon_protocol::device::account::CloseAccount {};
            let closed = house.call(device.fingerprint(), Uuid::nil(), &close).await;
            closed.unwrap();
            assert_eq!(
                house.result(for_it).await.end_result,
                EndResult::DocumentUnusable
            );
            assert_eq!(shown(&house, &other).await, [first]);
            refuse(&house, &other, first, RefusalReason::User).await;
            assert_eq!(shown(&house, &other).await, [for_both]);
        },
    );
}
