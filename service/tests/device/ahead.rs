//! Halves that are made ahead: used for what they were made for, and never in the place of a check.
//!
//! Whether one was made shows when the token then fails: only who needs no new one is served.

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_protocol::device::Done;
use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::device::transaction::{Confirm, Confirmed, Prepare};
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{House, anybody, document, with_obstinate_service, with_service};
use crate::test_device::TestDevice;

/// The device is gone, says the token whenever it is to unwrap a share.
const NOTHING_IS_UNWRAPPED: &str = "fail C_UnwrapKey 50";

async fn prepare(house: &House, device: &TestDevice, id: Uuid, salt: u8) -> Result<Done, Problem> {
    let transaction = device.fetch(house, id).await?;
    let prepare = device.prepare(&transaction, salt);
    house.call(device.fingerprint(), id, &prepare).await
}

async fn confirm(
    house: &House,
    device: &TestDevice,
    id: Uuid,
    confirm: &Confirm,
) -> Result<Confirmed, Problem> {
    house.call(device.fingerprint(), id, confirm).await
}

#[test]
fn a_half_made_ahead_serves_the_message_that_it_was_made_for() {
    with_obstinate_service(
        "ahead::a_half_made_ahead_serves_the_message_that_it_was_made_for",
        async |house, commands| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let login = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, login).await.unwrap();
            let share = device.half(&house, &transaction, 7).await;
            prepare(&house, &device, login, 7).await.unwrap();
            std::fs::write(&commands, NOTHING_IS_UNWRAPPED).unwrap();
            let confirmed = confirm(&house, &device, login, &share).await.unwrap();
            assert_eq!(house.result(login).await.end_result, EndResult::Ok);
            let again = confirm(&house, &device, login, &share).await.unwrap();
            assert_eq!(again, confirmed);
            std::fs::remove_file(&commands).unwrap();

            device.token = confirmed.freshness_token;
            let login = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, login).await.unwrap();
            let share = device.half(&house, &transaction, 9).await;
            prepare(&house, &device, login, 7).await.unwrap();
            std::fs::write(&commands, NOTHING_IS_UNWRAPPED).unwrap();
            let refused = confirm(&house, &device, login, &share).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::Unavailable);
            std::fs::remove_file(&commands).unwrap();
        },
    );
}

#[test]
fn what_was_prepared_is_confirmed_by_a_good_share_and_the_current_token_alone() {
    with_service(
        "ahead::what_was_prepared_is_confirmed_by_a_good_share_and_the_current_token_alone",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let old = device.token.clone();
            let first = house.ask_login(anybody()).await;
            prepare(&house, &device, first, 7).await.unwrap();
            assert!(house.session(first).await.is_running());
            let transaction = device.fetch(&house, first).await.unwrap();
            let good = device.half(&house, &transaction, 7).await;
            let bad = Confirm {
                share: vec![1; 256].into(),
                ..good
            };
            let refused = confirm(&house, &device, first, &bad).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::BadShare);
            assert!(house.session(first).await.is_running());
            device.approve(&house, first).await.unwrap();

            device.token = old;
            let second = house.ask_login(anybody()).await;
            prepare(&house, &device, second, 7).await.unwrap();
            let refused = device.approve(&house, second).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::AccountClosed);
            let signed = "SELECT COUNT(*) AS n FROM audit WHERE action = 'signed'";
            assert_eq!(house.count(signed).await, 1);
        },
    );
}

#[test]
fn nothing_is_prepared_that_could_not_be_confirmed() {
    with_service(
        "ahead::nothing_is_prepared_that_could_not_be_confirmed",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let other = TestDevice::enrolled(&house, 2).await;
            let refused = async |device: &TestDevice, id, prepare: &Prepare| {
                let answer = house.call(device.fingerprint(), id, prepare).await;
                answer.unwrap_err().code
            };

            let login = house.ask_login(document(&device.document_number)).await;
            let transaction = device.fetch(&house, login).await.unwrap();
            let wanted = device.prepare(&transaction, 7);
            let code = refused(&other, login, &wanted).await;
            assert_eq!(code, ProblemCode::NotFound);
            let odd = Prepare {
                salt: vec![7; 3].into(),
                ..wanted.clone()
            };
            assert_eq!(refused(&device, login, &odd).await, ProblemCode::Malformed);

            device.approve(&house, login).await.unwrap();
            let code = refused(&device, login, &wanted).await;
            assert_eq!(code, ProblemCode::AlreadyAnswered);

            let choice = house
                .ask_certificate(document(&device.document_number))
                .await;
            let code = refused(&device, choice, &wanted).await;
            assert_eq!(code, ProblemCode::Malformed);
        },
    );
}

#[test]
fn what_changed_since_it_was_told_is_judged_as_it_is() {
    with_service(
        "ahead::what_changed_since_it_was_told_is_judged_as_it_is",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let to_device = document(&device.document_number);
            // Another node brought the device the next token.
            let told = house.ask_login(to_device.clone()).await;
            prepare(&house, &device, told, 7).await.unwrap();
            let next = FreshnessToken::draw().unwrap();
            let changed = format!(
                "UPDATE account SET token_hash = '{}'",
                hex::encode(next.digest())
            );
            house.tamper(changed.leak()).await;
            device.token = next.as_str().to_owned();
            device.approve(&house, told).await.unwrap();

            // The time of the transaction was over.
            let told = house.ask_login(to_device.clone()).await;
            prepare(&house, &device, told, 7).await.unwrap();
            let transaction = device.fetch(&house, told).await.unwrap();
            let share = device.half(&house, &transaction, 7).await;
            house
                .tamper(
                    "UPDATE session SET state = 'complete', completed_at = 1, \
                 result = '{\"endResult\":\"TIMEOUT\"}' WHERE state = 'running'",
                )
                .await;
            let refused = confirm(&house, &device, told, &share).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::Expired);
            // It was no answer, so the token is as it was.
            let next = house.ask_login(to_device.clone()).await;
            device.approve(&house, next).await.unwrap();

            // The account was closed.
            let told = house.ask_login(to_device).await;
            prepare(&house, &device, told, 7).await.unwrap();
            let transaction = device.fetch(&house, told).await.unwrap();
            let share = device.half(&house, &transaction, 7).await;
            house
                .tamper("UPDATE account SET state = 'closed', closure = 'owner', closed_at = 1")
                .await;
            let refused = confirm(&house, &device, told, &share).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::AccountClosed);
        },
    );
}
