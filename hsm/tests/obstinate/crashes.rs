//! Modules that crash or leave, and what callers see of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use symbolon_hsm::{Hsm, HsmError, HsmState, PoolSize, examine};

use crate::softhsm::with_token;
use crate::support::{CountedPin, Obstinate, UNHURRIED, WRAPPING, children, run, works_again};

#[test]
fn s165_who_waits_for_a_module_that_crashes_is_served_by_the_next_process() {
    with_token(
        "crashes::s165_who_waits_for_a_module_that_crashes_is_served_by_the_next_process",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, pins) = token.open(2, UNHURRIED);
            let share = run(hsm.generate_share(WRAPPING)).unwrap();
            for round in 1..=3 {
                token.command("crash-once C_Sign");
                hsm.sign_blocking(&key, &[7; 32]).unwrap();
                assert_eq!(hsm.process_ends().died, 2 * round - 1);
                token.command("crash-once C_UnwrapKey");
                run(hsm.raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), vec![1; 256]))
                    .unwrap();
                assert_eq!(hsm.process_ends().died, 2 * round);
                assert!(pins.asked() as u64 > 2 * round, "logged in anew");
            }
            assert_eq!(hsm.state(), HsmState::Working);
            assert_eq!(children(), 1);
        },
    );
}

#[test]
fn s166_a_module_that_always_crashes_is_told_in_time_and_left_in_peace_for_a_while() {
    with_token(
        "crashes::s166_a_module_that_always_crashes_is_told_in_time_and_left_in_peace_for_a_while",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            for command in ["crash C_Sign", "leave C_Sign"] {
                token.command(command);
                let before = hsm.process_ends().died;
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(
                    matches!(&result, Err(HsmError::ProcessEnded(how)) if how.starts_with("it ")),
                    "{command}: {result:?}"
                );
                let asked = Instant::now();
                let result = hsm.sign_blocking(&key, &[7; 32]);
                assert!(matches!(result, Err(HsmError::OutOfOrder(_))), "{result:?}");
                assert!(
                    asked.elapsed() < UNHURRIED.signing,
                    "refused, not waited for"
                );
                assert!(matches!(hsm.state(), HsmState::Recovering { .. }));
                // One call crashed two processes and no more.
                assert_eq!(hsm.process_ends().died, before + 2);
                token.behave();
                works_again(&hsm, &key);
                assert_eq!(hsm.state(), HsmState::Working);
            }
        },
    );
}

#[test]
fn who_only_happened_to_be_there_is_not_told_of_anothers_crash() {
    with_token(
        "crashes::who_only_happened_to_be_there_is_not_told_of_anothers_crash",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            // Seconds of work, in the process that crashes meanwhile.
            std::thread::scope(|scope| {
                let making = scope.spawn(|| run(hsm.generate_share(WRAPPING)));
                while !making.is_finished() {
                    token.command("crash-once C_Sign");
                    hsm.sign_blocking(&key, &[7; 32]).unwrap();
                    std::thread::sleep(Duration::from_secs(2));
                }
                making.join().unwrap().unwrap();
            });
        },
    );
}

#[test]
fn a_module_that_crashes_at_once_is_an_error_and_not_the_end() {
    with_token(
        "crashes::a_module_that_crashes_at_once_is_an_error_and_not_the_end",
        |house| {
            let token = Obstinate::new(house);
            for command in [
                "crash C_GetSlotList",
                "crash C_Login",
                "leave C_OpenSession",
            ] {
                token.command(command);
                let pins = || Arc::new(CountedPin::default());
                let size = PoolSize {
                    workers: 2,
                    waiting: 8,
                };
                let opened = Hsm::open(token.address(), pins(), size, UNHURRIED);
                assert!(
                    matches!(opened, Err(HsmError::ProcessEnded(_))),
                    "{command}: {opened:?}"
                );
                let examined = examine(token.address(), pins(), 3, UNHURRIED.making);
                assert!(
                    matches!(examined, Err(HsmError::ProcessEnded(_))),
                    "{command}: {examined:?}"
                );
            }
            token.behave();
            token.open(2, UNHURRIED);
        },
    );
}

/// A wrong PIN is tried once, however often the process is replaced: tokens lock after a few.
#[test]
fn a_refused_pin_is_not_tried_again_by_the_next_process() {
    with_token(
        "crashes::a_refused_pin_is_not_tried_again_by_the_next_process",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, pins) = token.open(1, UNHURRIED);
            let before = pins.asked();
            // CKR_PIN_INCORRECT, for every login; and a process that has to log in.
            token.command("fail C_Login 160\ncrash C_Sign");
            hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
            assert_eq!(pins.asked(), before + 1);
            for _ in 0..5 {
                hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
                std::thread::sleep(Duration::from_millis(300));
            }
            assert_eq!(pins.asked(), before + 1);
            token.behave();
            let result = hsm.sign_blocking(&key, &[7; 32]);
            assert!(matches!(result, Err(HsmError::PinWrong)), "{result:?}");
        },
    );
}
