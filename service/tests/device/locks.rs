//! Locks: what begins one, how long it holds, and when a release is signed.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use symbolon_protocol::device::account::{Closure, FetchAccount};
use symbolon_protocol::device::lock::{LockState, Release, RequestRelease};
use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::identifiers::KeyPurpose::{self, Authentication, Signing};
use symbolon_protocol::release::{PolicyReference, limit_write_cp_hash, signed_digest};
use symbolon_service::sessions::EndResult;
use uuid::Uuid;

use crate::house::{House, anybody, document, with_service};
use crate::test_device::TestDevice;

const OVER: &str = "UPDATE pin_lock SET until = until - 100000000";

#[test]
fn the_ladder_is_three_hours_a_day_and_the_end() {
    with_service(
        "locks::the_ladder_is_three_hours_a_day_and_the_end",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            for (count, seconds, next) in [(3, 3 * 3600, 6), (6, 24 * 3600, 9)] {
                let waiting = house.ask_login(anybody()).await;
                let state = device.report(&house, Authentication, count, count).await;
                assert_remaining(state.unwrap(), seconds);
                assert_eq!(
                    house.result(waiting).await.end_result,
                    EndResult::DocumentUnusable
                );
                // Reporting again does not begin anew, and a release does not come early.
                house
                    .tamper("UPDATE pin_lock SET until = until - 1000000")
                    .await;
                let state = device.report(&house, Authentication, count, count).await;
                assert_remaining(state.unwrap(), seconds - 1000);
                let early = release(&house, &device, Authentication).await.unwrap_err();
                assert_eq!(early.code, ProblemCode::Locked);
                assert!(early.retry_after_seconds.unwrap() > 3600);

                house.tamper(OVER).await;
                for _ in 0..2 {
                    let release = release(&house, &device, Authentication).await.unwrap();
                    assert_eq!(release.limit, next);
                    assert_verifies(&house, &device, Authentication, &release);
                }
            }
            let waiting = house.ask_signature(anybody()).await;
            let state = device.report(&house, Authentication, 9, 9).await.unwrap();
            assert_eq!(state, LockState::Closed {});
            assert_eq!(
                house.result(waiting).await.end_result,
                EndResult::DocumentUnusable
            );
            let status = house
                .call(device.fingerprint(), Uuid::nil(), &FetchAccount {})
                .await
                .unwrap();
            assert_eq!(status.closed, Some(Closure::Lockout));
            let revoked = "SELECT COUNT(*) AS n FROM certificate WHERE revoked_at IS NOT NULL";
            assert_eq!(house.count(revoked).await, 2);
            house.tamper(OVER).await;
            let none = release(&house, &device, Authentication).await.unwrap_err();
            assert_eq!(none.code, ProblemCode::AccountClosed);
        },
    );
}

#[test]
fn a_lock_of_one_pin_stops_both_and_a_right_pin_clears_its_own() {
    with_service(
        "locks::a_lock_of_one_pin_stops_both_and_a_right_pin_clears_its_own",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let waiting = house.ask_signature(anybody()).await;
            let transaction = device.fetch(&house, waiting).await.unwrap();
            let ready = device.half(&house, &transaction, 7).await;
            device.report(&house, Authentication, 3, 3).await.unwrap();

            let refused = house
                .call(device.fingerprint(), waiting, &ready)
                .await
                .unwrap_err();
            assert_eq!(refused.code, ProblemCode::Locked);
            let asked = house.ask_signature(document(&device.document_number)).await;
            assert_eq!(
                house.result(asked).await.end_result,
                EndResult::DocumentUnusable
            );

            house.tamper(OVER).await;
            release(&house, &device, Authentication).await.unwrap();
            // The signing PIN is right; the authentication PIN's ladder stays where it is.
            let asked = house.ask_signature(anybody()).await;
            device.approve(&house, asked).await.unwrap();
            let ladders = "SELECT COUNT(*) AS n FROM pin_lock";
            assert_eq!(house.count(ladders).await, 1);
            let asked = house.ask_login(anybody()).await;
            device.approve(&house, asked).await.unwrap();
            assert_eq!(house.count(ladders).await, 0);
            let state = device.report(&house, Authentication, 3, 3).await.unwrap();
            assert_remaining(state, 3 * 3600);
        },
    );
}

#[test]
fn only_a_fresh_reading_of_this_counter_by_this_hardware_counts() {
    with_service(
        "locks::only_a_fresh_reading_of_this_counter_by_this_hardware_counts",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let other = TestDevice::enrolled(&house, 2).await;
            let by = device.fingerprint();

            let below = device.report(&house, Signing, 2, 3).await.unwrap_err();
            assert_eq!(below.code, ProblemCode::BadReading);
            let nonce = device.lock_nonce(&house).await;
            let mut misattributed = device.reading(Signing, &nonce, 3, 3);
            misattributed.purpose = Authentication;
            let nonce = device.lock_nonce(&house).await;
            let foreign = other.reading(Signing, &nonce, 3, 3);
            let stale = device.reading(Signing, &nonce, 3, 3);
            for bad in [misattributed, foreign, stale] {
                // Each report uses the nonce up, so the last one comes too late.
                let refused = house.call(by, Uuid::nil(), &bad).await.unwrap_err();
                assert_eq!(refused.code, ProblemCode::BadReading);
            }
            let nonce = device.lock_nonce(&house).await;
            house.tamper("UPDATE nonce SET expires_at = 1").await;
            let late = device.reading(Signing, &nonce, 3, 3);
            let refused = house.call(by, Uuid::nil(), &late).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::BadReading);
            let own = other.lock_nonce(&house).await;
            let elsewhere = device.reading(Signing, &own, 3, 3);
            let refused = house.call(by, Uuid::nil(), &elsewhere).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::BadReading);

            let none = release(&house, &device, Signing).await.unwrap_err();
            assert_eq!(none.code, ProblemCode::NotFound);
            assert_eq!(house.count("SELECT COUNT(*) AS n FROM pin_lock").await, 0);
        },
    );
}

const SESSION_NONCE: [u8; 32] = [5; 32];

async fn release(
    house: &House,
    device: &TestDevice,
    purpose: KeyPurpose,
) -> Result<Release, Problem> {
    let request = RequestRelease {
        purpose,
        session_nonce: SESSION_NONCE.to_vec().into(),
    };
    house
        .call(device.fingerprint(), Uuid::nil(), &request)
        .await
}

fn assert_verifies(house: &House, device: &TestDevice, purpose: KeyPurpose, release: &Release) {
    let reference = PolicyReference {
        document_number: device.document_number.clone(),
        purpose,
    };
    assert_eq!(release.expiration_seconds, 60);
    let digest = signed_digest(
        &SESSION_NONCE,
        60,
        &limit_write_cp_hash(&device.hardware.index_name(purpose), release.limit),
        &reference.for_release(release.limit).unwrap(),
    );
    VerifyingKey::from_sec1_bytes(&house.service.keys.release_key_point())
        .unwrap()
        .verify_prehash(
            &digest,
            &Signature::from_slice(release.signature.as_slice()).unwrap(),
        )
        .unwrap();
}

fn assert_remaining(state: LockState, seconds: u32) {
    match state {
        LockState::Locked {
            remaining_seconds, ..
        } => assert!(
            remaining_seconds <= seconds && remaining_seconds > seconds - 60,
            "{remaining_seconds} of {seconds}"
        ),
        other => panic!("{other:?}"),
    }
}
