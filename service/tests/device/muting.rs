//! "I did not start this": whoever asked does not reach that person for a while.

use symbolon_protocol::device::transaction::{ListPending, RefusalReason, Refuse};
use symbolon_protocol::interaction::InteractionType;
use symbolon_service::muting;
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{House, anybody, document, with_service};
use crate::test_device::TestDevice;

/// Another relying party than the one that asks most things.
const OTHER: Uuid = Uuid::from_u128(7);

async fn disown(house: &House, device: &TestDevice, session: Uuid) {
    let refuse = Refuse {
        reason: RefusalReason::NotStarted,
        interaction: Some(InteractionType::DisplayTextAndPin),
    };
    let done = house.call(device.fingerprint(), session, &refuse).await;
    done.unwrap();
}

/// Whether a session waits for the device's answer.
async fn reaches(house: &House, device: &TestDevice, session: Uuid) -> bool {
    let pending = house
        .call(device.fingerprint(), Uuid::nil(), &ListPending {})
        .await
        .unwrap();
    pending.transactions.iter().any(|each| each.id == session)
}

#[test]
fn who_asked_what_nobody_started_does_not_reach_the_person_for_a_while() {
    with_service(
        "muting::who_asked_what_nobody_started_does_not_reach_the_person_for_a_while",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            disown(&house, &device, session).await;
            let result = house.result(session).await;
            assert_eq!(result.end_result, EndResult::UserRefusedInteraction);

            // By person or by document: it is told of a session like any other, and of its end.
            for target in [anybody(), document(&device.document_number)] {
                let muted = house.ask_login(target).await;
                assert!(house.session(muted).await.is_running());
                assert!(!reaches(&house, &device, muted).await);
                house.tamper("UPDATE session SET expires_at = 1").await;
                assert_eq!(house.result(muted).await.end_result, EndResult::Timeout);
            }
            let by_other = house.ask_login_by(OTHER, anybody()).await;
            assert!(reaches(&house, &device, by_other).await);

            house.tamper("UPDATE mute SET until = 1").await;
            house.tamper("UPDATE session SET expires_at = 1").await;
            let again = house.ask_login(anybody()).await;
            assert!(reaches(&house, &device, again).await);
            disown(&house, &device, again).await;
            let twice = "SELECT strikes AS n FROM mute";
            assert_eq!(house.count(twice).await, 2);

            let audited = "SELECT COUNT(*) AS n FROM audit WHERE action = 'notStarted'";
            assert_eq!(house.count(audited).await, 2);
            let reports = muting::reports(&house.service.store, 10).await.unwrap();
            assert_eq!(reports.len(), 2);
            for report in reports {
                assert_eq!(report.relying_party, Uuid::nil());
                assert_eq!(report.document_number, device.document_number.to_string());
                assert_eq!(report.purpose, "authentication");
                assert!(report.muted_until.is_some());
            }
        },
    );
}

#[test]
fn a_plain_refusal_and_a_repeated_report_mute_nobody_further() {
    with_service(
        "muting::a_plain_refusal_and_a_repeated_report_mute_nobody_further",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let refuse = Refuse {
                reason: RefusalReason::User,
                interaction: None,
            };
            let refused = house.call(device.fingerprint(), session, &refuse).await;
            refused.unwrap();
            assert_eq!(house.count("SELECT COUNT(*) AS n FROM mute").await, 0);

            let session = house.ask_login(anybody()).await;
            for _ in 0..2 {
                disown(&house, &device, session).await;
            }
            assert_eq!(house.count("SELECT strikes AS n FROM mute").await, 1);
            assert_eq!(
                house.count("SELECT COUNT(*) AS n FROM not_started").await,
                1
            );
        },
    );
}

#[test]
fn what_is_forgiven_and_what_is_old_is_removed() {
    with_service(
        "muting::what_is_forgiven_and_what_is_old_is_removed",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            disown(&house, &device, session).await;
            house.service.sessions.purge().await.unwrap();
            assert_eq!(house.count("SELECT COUNT(*) AS n FROM mute").await, 1);
            house.tamper("UPDATE mute SET reported_at = 1").await;
            house.tamper("UPDATE not_started SET at = 1").await;
            house.service.sessions.purge().await.unwrap();
            assert_eq!(house.count("SELECT COUNT(*) AS n FROM mute").await, 0);
            assert_eq!(
                house.count("SELECT COUNT(*) AS n FROM not_started").await,
                0
            );
        },
    );
}
