//! Logins and signatures: what completes, what is refused, who wins.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::events::Withdrawal::{AnsweredElsewhere, Expired};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{ListPending, RefusalReason, Refuse};
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::split_key::{Modulus, Signature};
use symbolon_service::deliveries;
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{anybody, document, with_service};
use crate::test_device::{TestDevice, USER_CHALLENGE};

#[test]
fn a_login_and_a_signature_verify_under_the_certified_keys() {
    with_service(
        "transactions::a_login_and_a_signature_verify_under_the_certified_keys",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let login = house.ask_login(anybody()).await;
            let signature = house.ask_signature(document(&device.document_number)).await;
            for id in [login, signature] {
                let transaction = device.fetch(&house, id).await.unwrap();
                let pending = house
                    .call(device.fingerprint(), Uuid::nil(), &ListPending {})
                    .await
                    .unwrap();
                assert_eq!(pending.transactions[0].id, id);
                let confirmed = device.approve(&house, id).await.unwrap();
                let message = device.message(&transaction, &[7; 64]);
                let composed = match id == login {
                    true => &device.registered.authentication,
                    false => &device.registered.signing,
                };
                let modulus = Modulus::from_octets(composed.modulus.as_slice()).unwrap();
                Signature::verified(confirmed.signature.0.clone(), &message, &modulus).unwrap();

                let result = house.result(id).await;
                assert_eq!(result.end_result, EndResult::Ok);
                assert_eq!(
                    result.document_number.as_ref(),
                    Some(&device.document_number)
                );
                assert_eq!(result.interaction, Some(InteractionType::DisplayTextAndPin));
                let signed = result.signed.unwrap();
                assert_eq!(signed.signature, confirmed.signature);
                assert_eq!(signed.certificate, composed.certificate);
                assert_eq!(signed.device_address.as_deref(), Some("127.0.0.9"));
                let challenge = (id == login).then_some(USER_CHALLENGE);
                assert_eq!(signed.user_challenge.as_deref(), challenge);
            }
            let audited = "SELECT COUNT(*) AS n FROM audit WHERE action = 'signed'";
            assert_eq!(house.count(audited).await, 2);
        },
    );
}

#[test]
fn the_first_of_two_devices_wins_and_the_other_is_told() {
    with_service(
        "transactions::the_first_of_two_devices_wins_and_the_other_is_told",
        async |house| {
            let mut first = TestDevice::enrolled(&house, 1).await;
            let mut second = TestDevice::enrolled(&house, 2).await;
            let session = house.ask_login(anybody()).await;
            let transaction = second.fetch(&house, session).await.unwrap();
            let late = second.half(&house, &transaction, 7).await;
            first.approve(&house, session).await.unwrap();

            let refused = house
                .call(second.fingerprint(), session, &late)
                .await
                .unwrap_err();
            assert_eq!(refused.code, ProblemCode::AlreadyAnswered);
            let events = deliveries::after(&house.service.store, &second.document_number, None)
                .await
                .unwrap();
            let told: Vec<_> = events.into_iter().map(|event| event.event).collect();
            let withdrawn = Event::Withdrawn {
                transaction: session,
                reason: AnsweredElsewhere,
            };
            assert_eq!(told, [withdrawn]);
            // Losing is no clone: the second device's next answer is as good as ever.
            let next = house.ask_login(document(&second.document_number)).await;
            second.approve(&house, next).await.unwrap();
        },
    );
}

#[test]
fn both_devices_at_the_same_moment_make_one_signature() {
    with_service(
        "transactions::both_devices_at_the_same_moment_make_one_signature",
        async |house| {
            let mut first = TestDevice::enrolled(&house, 1).await;
            let mut second = TestDevice::enrolled(&house, 2).await;
            for _ in 0..5 {
                let session = house.ask_login(anybody()).await;
                let (one, other) = tokio::join!(
                    first.approve(&house, session),
                    second.approve(&house, session)
                );
                let refused = match (one, other) {
                    (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
                    (Ok(_), Ok(_)) => panic!("two signatures of one session"),
                    (Err(one), Err(other)) => panic!("{one:?} and {other:?}"),
                };
                assert_eq!(refused.code, ProblemCode::AlreadyAnswered);
            }
        },
    );
}

#[test]
fn s178_who_loses_a_login_keeps_the_answer_before_it() {
    with_service(
        "transactions::s178_who_loses_a_login_keeps_the_answer_before_it",
        async |house| {
            let mut devices = [
                TestDevice::enrolled(&house, 1).await,
                TestDevice::enrolled(&house, 2).await,
            ];
            let mut accepted = Vec::new();
            for device in &mut devices {
                let login = house.ask_login(document(&device.document_number)).await;
                let transaction = device.fetch(&house, login).await.unwrap();
                let share = device.half(&house, &transaction, 7).await;
                let answer = house.call(device.fingerprint(), login, &share).await;
                device.token = answer.clone().unwrap().freshness_token;
                accepted.push((device.fingerprint(), login, share, answer));
            }
            let both = house.ask_login(anybody()).await;
            let [first, second] = &mut devices;
            let (one, other) =
                tokio::join!(first.approve(&house, both), second.approve(&house, both));
            assert_ne!(one.is_ok(), other.is_ok());
            let (device, login, share, answer) = &accepted[usize::from(one.is_ok())];
            let again = house.call(*device, *login, share).await;
            assert_eq!(&again, answer);
        },
    );
}

#[test]
fn a_share_that_does_not_fit_changes_nothing() {
    with_service(
        "transactions::a_share_that_does_not_fit_changes_nothing",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let good = device.half(&house, &transaction, 7).await;

            let mut damaged = good.clone();
            damaged.share.0[100] ^= 1;
            let mut short = good.clone();
            short.share.0.pop();
            let mut other_salt = good.clone();
            other_salt.salt = vec![8; 64].into();
            let mut damaged_and_stale = damaged.clone();
            damaged_and_stale.freshness_token = "x".repeat(43);
            for bad in [damaged, short, other_salt, damaged_and_stale] {
                let refused = house
                    .call(device.fingerprint(), session, &bad)
                    .await
                    .unwrap_err();
                assert_eq!(refused.code, ProblemCode::BadShare);
            }
            let mut short_salt = good.clone();
            short_salt.salt = vec![7; 63].into();
            let mut not_offered = good.clone();
            not_offered.interaction = InteractionType::ConfirmationMessage;
            let mut no_challenge = good.clone();
            no_challenge.user_challenge = None;
            for bad in [short_salt, not_offered, no_challenge] {
                let refused = house
                    .call(device.fingerprint(), session, &bad)
                    .await
                    .unwrap_err();
                assert_eq!(refused.code, ProblemCode::Malformed);
            }
            device.approve(&house, session).await.unwrap();
        },
    );
}

#[test]
fn refusals_end_the_session_as_the_relying_party_reads_them() {
    with_service(
        "transactions::refusals_end_the_session_as_the_relying_party_reads_them",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let shown = Some(InteractionType::DisplayTextAndPin);
            let cases = [
                (RefusalReason::User, None, EndResult::UserRefused),
                (
                    RefusalReason::User,
                    shown,
                    EndResult::UserRefusedInteraction,
                ),
                (
                    RefusalReason::NoSupportedInteraction,
                    None,
                    EndResult::RequiredInteractionNotSupportedByApp,
                ),
                (
                    RefusalReason::WrongVerificationCode,
                    None,
                    EndResult::WrongVc,
                ),
                (
                    RefusalReason::ProtocolFailure,
                    None,
                    EndResult::ProtocolFailure,
                ),
            ];
            for (reason, interaction, end_result) in cases {
                let session = house.ask_login(anybody()).await;
                let refuse = Refuse {
                    reason,
                    interaction,
                };
                for _ in 0..2 {
                    let done = house.call(device.fingerprint(), session, &refuse).await;
                    assert_eq!(done.unwrap(), Done {});
                }
                let result = house.result(session).await;
                assert_eq!(result.end_result, end_result);
                assert!(result.signed.is_none());
                assert_eq!(result.interaction, interaction);
            }
        },
    );
}

#[test]
fn a_session_whose_time_is_over_takes_no_answer() {
    with_service(
        "transactions::a_session_whose_time_is_over_takes_no_answer",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let late = device.half(&house, &transaction, 7).await;
            house.tamper("UPDATE session SET expires_at = 1").await;

            let pending = house
                .call(device.fingerprint(), Uuid::nil(), &ListPending {})
                .await
                .unwrap();
            assert!(pending.transactions.is_empty());
            // Before anybody has noted the end, and after.
            let refused = house.call(device.fingerprint(), session, &late).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::Expired);
            assert_eq!(house.result(session).await.end_result, EndResult::Timeout);
            let refused = house.call(device.fingerprint(), session, &late).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::Expired);
            let events = deliveries::after(&house.service.store, &device.document_number, None)
                .await
                .unwrap();
            assert!(events.iter().any(|event| matches!(
                event.event,
                Event::Withdrawn { transaction, reason: Expired } if transaction == session
            )));
            let next = house.ask_login(anybody()).await;
            device.approve(&house, next).await.unwrap();
        },
    );
}
