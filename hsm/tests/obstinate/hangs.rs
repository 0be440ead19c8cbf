//! Calls into the module that do not come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use symbolon_hsm::{Hsm, HsmError, HsmState, Patience, PoolSize};

use crate::softhsm::with_token;
use crate::support::{CountedPin, Obstinate, PATIENCE, SOON, WRAPPING, run, threads, works_again};

#[test]
fn a_call_that_hangs_is_given_up_and_others_do_not_wait_behind_it() {
    with_token(
        "hangs::a_call_that_hangs_is_given_up_and_others_do_not_wait_behind_it",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, PATIENCE);
            assert_eq!(hsm.state(), HsmState::Working);
            token.command("hang C_Sign");
            let result = hsm.sign_blocking(&key, &[7; 32]);
            assert!(matches!(result, Err(HsmError::TimedOut(_))), "{result:?}");
            assert!(matches!(hsm.state(), HsmState::Recovering { .. }));
            let asked = Instant::now();
            let result = run(hsm.sign(&key, &[7; 32]));
            assert!(matches!(result, Err(HsmError::OutOfOrder(_))), "{result:?}");
            assert!(
                asked.elapsed() < PATIENCE.signing,
                "refused, not waited for"
            );
            token.behave();
            works_again(&hsm, &key);
            assert_eq!(hsm.state(), HsmState::Working);
        },
    );
}

#[test]
fn who_waits_in_the_queue_is_told_in_time_too() {
    with_token(
        "hangs::who_waits_in_the_queue_is_told_in_time_too",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, PATIENCE);
            token.command("hang C_Sign");
            let asked = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| hsm.sign_blocking(&key, &[7; 32]).unwrap_err());
                }
            });
            assert!(asked.elapsed() < 10 * PATIENCE.signing);
            token.behave();
        },
    );
}

#[test]
fn a_module_that_always_hangs_is_declared_dead_and_holds_a_bounded_number_of_threads() {
    with_token(
        "hangs::a_module_that_always_hangs_is_declared_dead_and_holds_a_bounded_number_of_threads",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, PATIENCE);
            let before = threads();
            token.command("hang C_Sign");
            let deadline = Instant::now() + SOON;
            while hsm.state() != HsmState::Dead {
                assert!(Instant::now() < deadline, "{:?}", hsm.state());
                hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
                std::thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(threads(), before + 4, "one worker and four replacements");
            let result = hsm.sign_blocking(&key, &[7; 32]);
            assert!(matches!(result, Err(HsmError::Dead)), "{result:?}");
            // Making keys is another thread's work and goes on.
            run(hsm.generate_share(WRAPPING)).unwrap();

            // Nobody restarted anything: the threads came back.
            token.behave();
            works_again(&hsm, &key);
            assert_eq!(hsm.state(), HsmState::Working);
            let deadline = Instant::now() + SOON;
            while threads() > before {
                assert!(Instant::now() < deadline, "threads stay behind");
                std::thread::sleep(Duration::from_millis(10));
            }
        },
    );
}

#[test]
fn a_token_that_hangs_holds_neither_start_nor_end() {
    with_token(
        "hangs::a_token_that_hangs_holds_neither_start_nor_end",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, PATIENCE);
            token.command("hang C_Sign\nhang C_OpenSession");
            hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
            let asked = Instant::now();
            drop(hsm);
            assert!(asked.elapsed() < Duration::from_secs(8));
            let impatient = Patience {
                making: Duration::from_millis(200),
                ..PATIENCE
            };
            let size = PoolSize {
                workers: 1,
                waiting: 1,
            };
            let pins = Arc::new(CountedPin::default());
            let result = Hsm::open(token.address(), pins, size, impatient);
            assert!(matches!(result, Err(HsmError::TimedOut(_))), "{result:?}");
        },
    );
}
