//! Copies of a device: found out, and never mistaken for a lost answer.

use symbolon_protocol::device::account::{Closure, FetchAccount};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{House, anybody, with_service};
use crate::test_device::TestDevice;

#[test]
fn a_byte_identical_retry_gets_the_same_answer() {
    with_service(
        "clones::a_byte_identical_retry_gets_the_same_answer",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let confirm = device.half(&house, &transaction, 7).await;
            let first = house
                .call(device.fingerprint(), session, &confirm)
                .await
                .unwrap();
            for _ in 0..2 {
                let again = house.call(device.fingerprint(), session, &confirm).await;
                assert_eq!(again.unwrap(), first);
            }
            // Even when the relying party's session is long gone.
            house.tamper("DELETE FROM session").await;
            let again = house.call(device.fingerprint(), session, &confirm).await;
            assert_eq!(again.unwrap(), first);
            device.token = first.freshness_token;
            let next = house.ask_login(anybody()).await;
            device.approve(&house, next).await.unwrap();
            let signed = "SELECT COUNT(*) AS n FROM audit WHERE action = 'signed'";
            assert_eq!(house.count(signed).await, 2);
        },
    );
}

#[test]
fn identical_requests_at_the_same_moment_get_one_signature() {
    with_service(
        "clones::identical_requests_at_the_same_moment_get_one_signature",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let confirm = device.half(&house, &transaction, 7).await;
            let by = device.fingerprint();
            let (one, two, three) = tokio::join!(
                house.call(by, session, &confirm),
                house.call(by, session, &confirm),
                house.call(by, session, &confirm),
            );
            let one = one.unwrap();
            assert_eq!(one, two.unwrap());
            assert_eq!(one, three.unwrap());
            let signed = "SELECT COUNT(*) AS n FROM audit WHERE action = 'signed'";
            assert_eq!(house.count(signed).await, 1);
        },
    );
}

#[test]
fn a_good_share_with_an_old_token_closes_the_account() {
    with_service(
        "clones::a_good_share_with_an_old_token_closes_the_account",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let copied_token = device.token.clone();
            let first = house.ask_login(anybody()).await;
            device.approve(&house, first).await.unwrap();

            device.token = copied_token;
            let second = house.ask_login(anybody()).await;
            let third = house.ask_signature(anybody()).await;
            let found_out = device.approve(&house, second).await.unwrap_err();
            assert_eq!(found_out.code, ProblemCode::AccountClosed);
            assert_closed_as_clone(&house, &device).await;
            for session in [second, third] {
                let result = house.result(session).await;
                assert_eq!(result.end_result, EndResult::DocumentUnusable);
            }
        },
    );
}

#[test]
fn a_copy_that_answers_the_same_transaction_later_is_found_out_too() {
    with_service(
        "clones::a_copy_that_answers_the_same_transaction_later_is_found_out_too",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let of_the_copy = device.half(&house, &transaction, 9).await;
            device.approve(&house, session).await.unwrap();
            let found_out = house
                .call(device.fingerprint(), session, &of_the_copy)
                .await
                .unwrap_err();
            assert_eq!(found_out.code, ProblemCode::AccountClosed);
            assert_closed_as_clone(&house, &device).await;
        },
    );
}

#[test]
fn two_shares_with_one_token_at_the_same_moment_make_one_signature_at_most() {
    with_service(
        "clones::two_shares_with_one_token_at_the_same_moment_make_one_signature_at_most",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let (one, other) = (
                house.ask_login(anybody()).await,
                house.ask_signature(anybody()).await,
            );
            let first = device.fetch(&house, one).await.unwrap();
            let first = device.half(&house, &first, 7).await;
            let second = device.fetch(&house, other).await.unwrap();
            let second = device.half(&house, &second, 7).await;
            let by = device.fingerprint();
            let (a, b) = tokio::join!(house.call(by, one, &first), house.call(by, other, &second));
            assert!(a.is_ok() != b.is_ok());
            let refused = a.err().or(b.err()).unwrap();
            assert_eq!(refused.code, ProblemCode::AccountClosed);
            assert_closed_as_clone(&house, &device).await;
            let signed = "SELECT COUNT(*) AS n FROM audit WHERE action = 'signed'";
            assert_eq!(house.count(signed).await, 1);
        },
    );
}

async fn assert_closed_as_clone(house: &House, device: &TestDevice) {
    let status = house
        .call(device.fingerprint(), Uuid::nil(), &FetchAccount {})
        .await
        .unwrap();
    assert_eq!(status.closed, Some(Closure::Clone));
    let revoked = "SELECT COUNT(*) AS n FROM certificate \
         WHERE revocation_reason = 'keyCompromise' AND revoked_at IS NOT NULL";
    assert_eq!(house.count(revoked).await, 2);
}
