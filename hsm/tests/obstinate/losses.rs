//! Sessions, logins and tokens that go away and come back; functions that a token lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use symbolon_hsm::{Curve, Hsm, HsmError, HsmState, PoolSize, ProcessEnds, examine};

use crate::softhsm::with_token;
use crate::support::{
    ChangedPin, CountedPin, Obstinate, SIGNING, UNHURRIED, WRAPPING, run, works_again,
};

/// Values of PKCS#11 2.40 section 3.6.
const LOSSES: [(&str, u64); 5] = [
    ("CKR_SESSION_HANDLE_INVALID", 0xb3),
    ("CKR_DEVICE_REMOVED", 0x32),
    ("CKR_DEVICE_ERROR", 0x30),
    ("CKR_TOKEN_NOT_PRESENT", 0xe0),
    ("CKR_USER_NOT_LOGGED_IN", 0x101),
];
const MECHANISM_INVALID: u64 = 0x70;
const GENERAL_ERROR: u64 = 0x05;
const FUNCTION_FAILED: u64 = 0x06;

#[test]
fn sessions_that_are_lost_are_opened_logged_in_and_used_within_the_same_call() {
    with_token(
        "losses::sessions_that_are_lost_are_opened_logged_in_and_used_within_the_same_call",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, pins) = token.open(1, UNHURRIED);
            let share = run(hsm.generate_share(WRAPPING)).unwrap();
            assert_eq!(pins.asked(), 1);
            for round in 0..3 {
                token.command("drop C_SignInit");
                hsm.sign_blocking(&key, &[7; 32]).unwrap();
                assert_eq!(pins.asked(), 2 + 2 * round, "logged in anew");
                token.command("drop C_UnwrapKey");
                run(hsm.raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), vec![1; 256]))
                    .unwrap();
                assert_eq!(pins.asked(), 3 + 2 * round, "logged in anew");
            }
            assert_eq!(hsm.state(), HsmState::Working);
        },
    );
}

#[test]
fn a_loss_that_stays_is_told_and_ends_when_it_ends() {
    with_token(
        "losses::a_loss_that_stays_is_told_and_ends_when_it_ends",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            for (name, code) in LOSSES {
                token.command(&format!("fail C_SignInit {code}"));
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(
                    matches!(result, Err(HsmError::Gone { .. })),
                    "{name}: {result:?}"
                );
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(
                    matches!(result, Err(HsmError::OutOfOrder(_))),
                    "{name}: {result:?}"
                );
                assert!(matches!(hsm.state(), HsmState::Recovering { .. }), "{name}");
                token.behave();
                works_again(&hsm, &key);
                assert_eq!(hsm.state(), HsmState::Working, "{name}");
            }
        },
    );
}

/// One bad request must not make everybody else's wait, and a lost connection must be replaced.
#[test]
fn an_unexplained_failure_is_tried_once_more_and_is_no_reason_to_pause() {
    with_token(
        "losses::an_unexplained_failure_is_tried_once_more_and_is_no_reason_to_pause",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, UNHURRIED);
            for code in [GENERAL_ERROR, FUNCTION_FAILED] {
                token.command(&format!("stumble C_Sign {code}"));
                hsm.sign_blocking(&key, &[7; 32]).unwrap();
                token.command(&format!("fail C_Sign {code}"));
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(
                    matches!(result, Err(HsmError::Unexplained { .. })),
                    "{result:?}"
                );
                assert_eq!(hsm.state(), HsmState::Working);
                token.behave();
            }
        },
    );
}

#[test]
fn a_token_that_is_pulled_out_and_put_back_is_used_again() {
    with_token(
        "losses::a_token_that_is_pulled_out_and_put_back_is_used_again",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            for _ in 0..3 {
                token.command("remove");
                hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
                assert!(matches!(hsm.state(), HsmState::Recovering { .. }));
                token.behave();
                works_again(&hsm, &key);
                assert_eq!(hsm.state(), HsmState::Working);
            }
        },
    );
}

#[test]
fn a_module_that_forgot_that_it_was_started_is_started_anew() {
    with_token(
        "losses::a_module_that_forgot_that_it_was_started_is_started_anew",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            let share = run(hsm.generate_share(WRAPPING)).unwrap();
            let uses_the_share = || {
                let wrapped = share.wrapped.clone();
                run(hsm.raw_rsa_with_wrapped(WRAPPING, wrapped, vec![1; 256])).unwrap();
            };
            for _ in 0..5 {
                // All sessions, handles and the login are gone at once.
                token.command("forget C_SignInit");
                hsm.sign_blocking(&key, &[7; 32]).unwrap();
                std::thread::scope(|scope| {
                    for _ in 0..8 {
                        scope.spawn(uses_the_share);
                    }
                });
                run(hsm.generate_share(WRAPPING)).unwrap();
            }
            assert_eq!(hsm.process_ends(), ProcessEnds::default());
        },
    );
}

#[test]
fn a_pin_that_is_refused_later_is_not_tried_again_and_again() {
    with_token(
        "losses::a_pin_that_is_refused_later_is_not_tried_again_and_again",
        |house| {
            let token = Obstinate::new(house);
            let changed = Arc::new(ChangedPin(AtomicUsize::new(0)));
            let size = PoolSize {
                workers: 2,
                waiting: 8,
            };
            let hsm = Hsm::open(token.address(), changed.clone(), size, UNHURRIED).unwrap();
            hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
            let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
            token.command("forget C_SignInit");
            for _ in 0..6 {
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(matches!(result, Err(HsmError::PinWrong)), "{result:?}");
            }
            assert_eq!(changed.0.load(Ordering::SeqCst), 2);
        },
    );
}

#[test]
fn a_refusal_of_the_token_is_no_reason_to_pause() {
    with_token(
        "losses::a_refusal_of_the_token_is_no_reason_to_pause",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, UNHURRIED);
            token.command(&format!("fail C_SignInit {MECHANISM_INVALID}"));
            for _ in 0..2 {
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(
                    matches!(result, Err(HsmError::MechanismMissing { .. })),
                    "{result:?}"
                );
            }
            assert_eq!(hsm.state(), HsmState::Working);
        },
    );
}

#[test]
fn an_examination_tells_what_is_refused_although_it_is_listed() {
    with_token(
        "losses::an_examination_tells_what_is_refused_although_it_is_listed",
        |house| {
            let token = Obstinate::new(house);
            let lacking = |commands: &str| -> Vec<_> {
                token.command(commands);
                let pins = Arc::new(CountedPin::default());
                let found = examine(token.address(), pins, 3, Duration::from_secs(60)).unwrap();
                let lacking = found.abilities.iter().filter(|one| one.lacking.is_some());
                lacking.map(|one| one.name.clone()).collect()
            };
            assert!(lacking("").is_empty());
            assert_eq!(
                lacking(&format!("fail C_UnwrapKey {MECHANISM_INVALID}")),
                [
                    "unwraps them as sensitive and not extractable",
                    "signs with them by raw RSA, rightly"
                ]
            );
            assert_eq!(
                lacking(&format!("fail C_SignInit {MECHANISM_INVALID}")).len(),
                4,
                "two curves, what is looked at with them, and raw RSA"
            );
        },
    );
}
