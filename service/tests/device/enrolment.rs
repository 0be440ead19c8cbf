//! Enrolment: one code, one device, and every step may be repeated.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::account::{CloseAccount, Closure, FetchAccount};
use symbolon_protocol::device::enrolment::Activate;
use symbolon_protocol::device::lock::LockState;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::ListPending;
use symbolon_protocol::split_key::Modulus;
use symbolon_service::sessions::{CreateError, EndResult};
use uuid::Uuid;

use crate::house::{PERSON, anybody, document, with_service};
use crate::test_device::{Hardened, TestDevice};

#[test]
fn makes_two_keys_of_4096_bits_and_repeats_every_answer() {
    with_service(
        "enrolment::makes_two_keys_of_4096_bits_and_repeats_every_answer",
        async |house| {
            let code = house.code().await;
            let hardware = Hardened::make(&house, 1).await;
            let begun = hardware.begin(&house, &code).await.unwrap();
            assert_eq!(begun.person.as_str(), PERSON);
            assert_eq!(begun.document_number.person(), begun.person);
            assert_eq!(
                begun.release_key.as_slice(),
                house.service.keys.release_key_point()
            );
            let code_as_typed = code.to_lowercase().replace('-', "");
            assert_eq!(hardware.begin(&house, &code_as_typed).await.unwrap(), begun);

            let device = hardware.fingerprint;
            let registration = hardware.registration();
            let registered = house
                .call(device, begun.enrolment, &registration)
                .await
                .unwrap();
            let n1 = Modulus::from_octets(registration.authentication.modulus.as_slice()).unwrap();
            for composed in [&registered.authentication, &registered.signing] {
                let n = Modulus::from_octets(composed.modulus.as_slice()).unwrap();
                assert_eq!(n.bits(), 4096);
            }
            let n = Modulus::from_octets(registered.authentication.modulus.as_slice()).unwrap();
            assert!(n1.divides(&n));
            let again = house
                .call(device, begun.enrolment, &registration)
                .await
                .unwrap();
            assert_eq!(again, registered);

            // Not live before the device says that it stored everything.
            let early = house.call(device, Uuid::nil(), &ListPending {}).await;
            assert_eq!(early.unwrap_err().code, ProblemCode::NotFound);
            for _ in 0..2 {
                let done = house.call(device, begun.enrolment, &Activate {}).await;
                assert_eq!(done.unwrap(), Done {});
            }
            let status = house
                .call(device, Uuid::nil(), &FetchAccount {})
                .await
                .unwrap();
            assert_eq!(status.lock, LockState::Open {});
            assert_eq!(status.document_number, begun.document_number);

            // The first token stands nowhere in clear any more, and the code is spent.
            let kept = "SELECT COUNT(*) AS n FROM enrolment WHERE reply IS NOT NULL";
            assert_eq!(house.count(kept).await, 0);
            let other = Hardened::make(&house, 2).await;
            let spent = other.begin(&house, &code).await.unwrap_err();
            assert_eq!(spent.code, ProblemCode::EnrolmentCode);
        },
    );
}

#[test]
fn refuses_wrong_codes_and_keys_that_were_seen_or_are_weak() {
    with_service(
        "enrolment::refuses_wrong_codes_and_keys_that_were_seen_or_are_weak",
        async |house| {
            let first = TestDevice::enrolled(&house, 1).await;
            let stranger = Hardened::make(&house, 2).await;
            for code in ["", "0000-0000-0000-0000", &"A".repeat(5000)] {
                let refused = stranger.begin(&house, code).await.unwrap_err();
                assert_eq!(refused.code, ProblemCode::EnrolmentCode);
            }
            let code = house.code().await;
            let begun = stranger.begin(&house, &code).await.unwrap();
            let good = stranger.registration();

            let mut seen = good.clone();
            seen.signing.modulus = first.hardware.registration().authentication.modulus;
            let mut twice = good.clone();
            twice.signing.modulus = twice.authentication.modulus.clone();
            let mut even = good.clone();
            even.signing.modulus.0[255] &= 0xfe;
            let mut short = good.clone();
            short.authentication.modulus.0.truncate(128);
            for bad in [seen, twice, even, short] {
                let refused = house
                    .call(stranger.fingerprint, begun.enrolment, &bad)
                    .await
                    .unwrap_err();
                assert_eq!(refused.code, ProblemCode::KeyRefused, "{}", refused.detail);
            }
            // Nothing of that spoilt the enrolment; and nobody else can finish it.
            let foreign = house
                .call(first.fingerprint(), begun.enrolment, &good)
                .await
                .unwrap_err();
            assert_eq!(foreign.code, ProblemCode::NotFound);
            house
                .call(stranger.fingerprint, begun.enrolment, &good)
                .await
                .unwrap();
        },
    );
}

#[test]
fn a_device_that_failed_half_way_needs_no_new_code() {
    with_service(
        "enrolment::a_device_that_failed_half_way_needs_no_new_code",
        async |house| {
            let code = house.code().await;
            let failed = Hardened::make(&house, 1).await;
            let begun = failed.begin(&house, &code).await.unwrap();
            house
                .call(failed.fingerprint, begun.enrolment, &failed.registration())
                .await
                .unwrap();
            let device = Hardened::make(&house, 2).await.enrol(&house, &code).await;
            assert_ne!(device.document_number, begun.document_number);

            // What was begun before is void, its certificates are revoked.
            let late = house
                .call(failed.fingerprint, begun.enrolment, &Activate {})
                .await;
            assert_eq!(late.unwrap_err().code, ProblemCode::NotFound);
            let revoked = "SELECT COUNT(*) AS n FROM certificate WHERE revoked_at IS NOT NULL";
            assert_eq!(house.count(revoked).await, 2);
            let session = house.ask_login(anybody()).await;
            assert_eq!(
                house.session(session).await.offered,
                [device.document_number]
            );
        },
    );
}

#[test]
fn the_owner_can_close_the_account() {
    with_service(
        "enrolment::the_owner_can_close_the_account",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let waiting = house.ask_login(anybody()).await;
            for _ in 0..2 {
                house
                    .call(device.fingerprint(), Uuid::nil(), &CloseAccount {})
                    .await
                    .unwrap();
            }
            let refused = device.approve(&house, waiting).await.unwrap_err();
            assert_eq!(refused.code, ProblemCode::AccountClosed);
            let status = house
                .call(device.fingerprint(), Uuid::nil(), &FetchAccount {})
                .await
                .unwrap();
            assert_eq!(status.closed, Some(Closure::Owner));
            assert_eq!(status.lock, LockState::Closed {});
            assert_eq!(
                house.result(waiting).await.end_result,
                EndResult::DocumentUnusable
            );
            // For relying parties it is gone.
            let target = document(&device.document_number);
            let error = house.try_ask_login(target).await.unwrap_err();
            assert!(matches!(error, CreateError::NoAccount));
        },
    );
}
