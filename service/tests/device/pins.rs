//! PINs that the service judges: counted before they are looked at, and opening one thing each.

use symbolon_protocol::device::account::{Closure, FetchAccount};
use symbolon_protocol::device::lock::{LockState, RequestRelease};
use symbolon_protocol::device::pin::{
    Judgement, PinLedger, PinVerdict, ProvePin, ProvenAct, message_digest,
};
use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::identifiers::KeyPurpose::{Authentication, Signing};
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::pin_proof::ProofKey;
use uuid::Uuid;

use crate::house::{House, anybody, with_obstinate_service, with_service};
use crate::test_device::{Hardened, TestDevice};

/// A device on a token, and the key that its right PIN1 gives.
struct TokenDevice {
    device: TestDevice,
    right: ProofKey,
    wrong: ProofKey,
}

impl TokenDevice {
    async fn enrolled(house: &House) -> Self {
        let right = key(1);
        let hardware = Hardened::make(house, 1).await;
        let registration = hardware.token_registration([&right, &key(2)]);
        let code = house.code().await;
        Self {
            device: hardware.enrol_as(house, &code, &registration).await,
            right,
            wrong: key(3),
        }
    }

    fn proof(&self, key: &ProofKey, act: ProvenAct, entry: u32, failures: u32) -> ProvePin {
        key.prove(
            &self.device.document_number,
            Authentication,
            act,
            entry,
            failures,
        )
        .unwrap()
    }

    async fn prove(&self, house: &House, proof: &ProvePin) -> Result<PinVerdict, Problem> {
        house
            .call(self.device.fingerprint(), Uuid::nil(), proof)
            .await
    }

    async fn ledger(&self, house: &House) -> PinLedger {
        let status = house
            .call(self.device.fingerprint(), Uuid::nil(), &FetchAccount {})
            .await
            .unwrap();
        *status.pins.unwrap().of(Authentication)
    }
}

fn key(scalar: u8) -> ProofKey {
    ProofKey::from_hmac(&[scalar; 32]).unwrap()
}

fn sign(digest: [u8; 32]) -> ProvenAct {
    ProvenAct::Sign {
        message_digest: digest.to_vec().into(),
    }
}

fn verdict(judgement: Judgement, entries: u32, failures: u32, limit: u32) -> PinVerdict {
    PinVerdict {
        judgement,
        ledger: PinLedger {
            entries,
            count: PinCount { failures, limit },
        },
    }
}

#[test]
fn a_share_is_taken_for_the_message_for_which_a_right_pin_was_proven_and_no_other() {
    with_service(
        "pins::a_share_is_taken_for_the_message_for_which_a_right_pin_was_proven_and_no_other",
        async |house| {
            let token = TokenDevice::enrolled(&house).await;
            let waiting = house.ask_login(anybody()).await;
            let transaction = token.device.fetch(&house, waiting).await.unwrap();
            let by = token.device.fingerprint();
            let share = token.device.half(&house, &transaction, 7).await;
            let digest = message_digest(&token.device.message(&transaction, &[7; 64]));
            let refused = |problem: Result<_, Problem>| {
                assert_eq!(problem.unwrap_err().code, ProblemCode::PinNotProven);
            };

            refused(house.call(by, waiting, &share).await);
            let wrong = token.proof(&token.wrong, sign(digest), 1, 1);
            let judged = token.prove(&house, &wrong).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Wrong, 1, 1, 3));
            refused(house.call(by, waiting, &share).await);
            let other = token.proof(&token.right, sign([9; 32]), 2, 2);
            let judged = token.prove(&house, &other).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Right, 2, 0, 3));
            refused(house.call(by, waiting, &share).await);
            // What a wrong PIN comes after is not open any more.
            for (key, entry, failures) in [(&token.right, 3, 1), (&token.wrong, 4, 1)] {
                let proof = token.proof(key, sign(digest), entry, failures);
                token.prove(&house, &proof).await.unwrap();
            }
            refused(house.call(by, waiting, &share).await);

            let right = token.proof(&token.right, sign(digest), 5, 2);
            token.prove(&house, &right).await.unwrap();
            let confirmed = house.call(by, waiting, &share).await.unwrap();
            assert_eq!(house.call(by, waiting, &share).await.unwrap(), confirmed);
        },
    );
}

#[test]
fn nothing_is_made_ahead_of_a_pin_that_the_service_judges() {
    with_obstinate_service(
        "pins::nothing_is_made_ahead_of_a_pin_that_the_service_judges",
        async |house, commands| {
            let token = TokenDevice::enrolled(&house).await;
            let waiting = house.ask_login(anybody()).await;
            let transaction = token.device.fetch(&house, waiting).await.unwrap();
            let by = token.device.fingerprint();
            let share = token.device.half(&house, &transaction, 7).await;
            let ahead = token.device.prepare(&transaction, 7);
            house.call(by, waiting, &ahead).await.unwrap();

            let digest = message_digest(&token.device.message(&transaction, &[7; 64]));
            let right = token.proof(&token.right, sign(digest), 1, 1);
            token.prove(&house, &right).await.unwrap();
            // A half that was made would do without the token now.
            std::fs::write(&commands, "fail C_UnwrapKey 50").unwrap();
            let owed = house.call(by, waiting, &share).await.unwrap_err();
            assert_eq!(owed.code, ProblemCode::Unavailable);
            std::fs::remove_file(&commands).unwrap();
        },
    );
}

#[test]
fn an_entry_counts_once_whatever_ends_the_service_after_the_count() {
    with_service(
        "pins::an_entry_counts_once_whatever_ends_the_service_after_the_count",
        async |house| {
            let token = TokenDevice::enrolled(&house).await;
            let wrong = token.proof(&token.wrong, sign([1; 32]), 1, 1);
            for _ in 0..4 {
                let judged = token.prove(&house, &wrong).await.unwrap();
                assert_eq!(judged, verdict(Judgement::Wrong, 1, 1, 3));
            }
            // As it is between the two commits.
            house.tamper("UPDATE pin_proof SET verdict = NULL").await;
            assert_eq!(token.ledger(&house).await.count.failures, 1);
            let judged = token.prove(&house, &wrong).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Wrong, 1, 1, 3));

            let right = token.proof(&token.right, sign([1; 32]), 2, 2);
            token.prove(&house, &right).await.unwrap();
            house
                .tamper("UPDATE pin_proof SET verdict = NULL, failures = 2 WHERE entries = 2")
                .await;
            let judged = token.prove(&house, &right).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Right, 2, 0, 3));

            // If nobody repeats it, it stays counted.
            let lost = token.proof(&token.right, sign([1; 32]), 3, 1);
            token.prove(&house, &lost).await.unwrap();
            house
                .tamper("UPDATE pin_proof SET verdict = NULL, failures = 1 WHERE entries = 3")
                .await;
            let next = token.proof(&token.wrong, sign([1; 32]), 4, 1);
            let judged = token.prove(&house, &next).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Wrong, 4, 2, 3));
        },
    );
}

#[test]
fn an_old_proof_opens_and_clears_nothing_and_the_larger_count_rules() {
    with_service(
        "pins::an_old_proof_opens_and_clears_nothing_and_the_larger_count_rules",
        async |house| {
            let token = TokenDevice::enrolled(&house).await;
            let right = token.proof(&token.right, sign([1; 32]), 1, 1);
            token.prove(&house, &right).await.unwrap();
            let wrong = token.proof(&token.wrong, sign([2; 32]), 2, 1);
            token.prove(&house, &wrong).await.unwrap();
            let replayed = token.prove(&house, &right).await.unwrap();
            assert_eq!(replayed, verdict(Judgement::SetBack, 2, 1, 3));
            // The device's memory was restored: it enters its second PIN once more.
            let again = token.proof(&token.right, sign([2; 32]), 2, 1);
            let restored = token.prove(&house, &again).await.unwrap();
            assert_eq!(restored, verdict(Judgement::SetBack, 2, 1, 3));
            let noted = "SELECT COUNT(*) AS n FROM audit WHERE action = 'pinCounterSetBack'";
            assert_eq!(house.count(noted).await, 2);
            // It counted an entry that we never saw.
            let after = token.proof(&token.wrong, sign([3; 32]), 5, 3);
            let judged = token.prove(&house, &after).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Wrong, 5, 3, 3));
            assert!(matches!(
                house
                    .call(token.device.fingerprint(), Uuid::nil(), &FetchAccount {})
                    .await
                    .unwrap()
                    .lock,
                LockState::Locked {
                    purpose: Authentication,
                    remaining_seconds: 10_000..,
                    ..
                }
            ));
        },
    );
}

#[test]
fn nine_wrong_proofs_close_the_account_over_two_locks() {
    with_service(
        "pins::nine_wrong_proofs_close_the_account_over_two_locks",
        async |house| {
            let token = TokenDevice::enrolled(&house).await;
            let by = token.device.fingerprint();
            for entry in 1..=9 {
                let wrong = token.proof(&token.wrong, sign([1; 32]), entry, entry);
                let judged = token.prove(&house, &wrong).await.unwrap();
                assert_eq!(judged.judgement, Judgement::Wrong);
                assert_eq!(judged.ledger.count.failures, entry);
                if entry % 3 != 0 || entry == 9 {
                    continue;
                }
                let right = token.proof(&token.right, sign([1; 32]), 20, entry + 1);
                let refused = token.prove(&house, &right).await.unwrap_err();
                assert_eq!(refused.code, ProblemCode::Locked);
                house
                    .tamper("UPDATE pin_lock SET until = until - 100000000")
                    .await;
                let request = RequestRelease {
                    purpose: Authentication,
                    session_nonce: vec![5; 32].into(),
                };
                let release = house.call(by, Uuid::nil(), &request).await.unwrap();
                assert_eq!(release.limit, entry + 3);
            }
            let status = house.call(by, Uuid::nil(), &FetchAccount {}).await.unwrap();
            assert_eq!(status.closed, Some(Closure::Lockout));
        },
    );
}

#[test]
fn a_new_pin_takes_the_place_of_a_right_old_one() {
    with_service(
        "pins::a_new_pin_takes_the_place_of_a_right_old_one",
        async |house| {
            let token = TokenDevice::enrolled(&house).await;
            let new = key(4);
            let change = || ProvenAct::ChangePin {
                new_proof_key: new.public(),
            };
            let by_wrong = token.proof(&token.wrong, change(), 1, 1);
            token.prove(&house, &by_wrong).await.unwrap();
            let with_new = token.proof(&new, sign([1; 32]), 2, 2);
            let judged = token.prove(&house, &with_new).await.unwrap();
            assert_eq!(judged.judgement, Judgement::Wrong);

            let by_right = token.proof(&token.right, change(), 3, 3);
            let judged = token.prove(&house, &by_right).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Right, 3, 0, 3));
            // The old key is gone, and yet the same request gets the same answer.
            assert_eq!(token.prove(&house, &by_right).await.unwrap(), judged);
            let with_old = token.proof(&token.right, sign([1; 32]), 4, 1);
            let judged = token.prove(&house, &with_old).await.unwrap();
            assert_eq!(judged.judgement, Judgement::Wrong);
            let with_new = token.proof(&new, sign([1; 32]), 5, 2);
            let judged = token.prove(&house, &with_new).await.unwrap();
            assert_eq!(judged, verdict(Judgement::Right, 5, 0, 3));
        },
    );
}

#[test]
fn a_token_without_proof_keys_and_a_tpm_with_them_are_refused() {
    with_service(
        "pins::a_token_without_proof_keys_and_a_tpm_with_them_are_refused",
        async |house| {
            let hardware = Hardened::make(&house, 1).await;
            let begun = hardware.begin(&house, &house.code().await).await.unwrap();
            let token = hardware.token_registration([&key(1), &key(2)]);
            let mut without = token.clone();
            without.signing.pin_proof_key = None;
            let mut noise = token.clone();
            noise.signing.pin_proof_key = Some(vec![4; 65].into());
            let mut tpm = token.clone();
            tpm.hardware = hardware.registration().hardware;
            for refused in [without, noise, tpm] {
                let problem = house
                    .call(hardware.fingerprint, begun.enrolment, &refused)
                    .await
                    .unwrap_err();
                assert_eq!(problem.code, ProblemCode::KeyRefused);
            }
            // And who judges its own PINs has nothing to prove.
            let device = TestDevice::enrolled(&house, 2).await;
            let proof = key(1)
                .prove(&device.document_number, Signing, sign([1; 32]), 1, 1)
                .unwrap();
            let refused = house.call(device.fingerprint(), Uuid::nil(), &proof).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::NotFound);
        },
    );
}
