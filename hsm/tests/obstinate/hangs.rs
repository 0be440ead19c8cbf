//! Calls into the module that do not come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use symbolon_hsm::{Curve, Hsm, HsmError, HsmState, Patience, PoolSize, ProcessEnds, TokenAddress};

use crate::softhsm::with_token;
use crate::support::{
    CountedPin, Obstinate, PATIENCE, SIGNING, SOON, UNHURRIED, WRAPPING, children, run, threads,
    works_again,
};

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
fn a_module_that_always_hangs_holds_no_thread_and_leaves_no_process_behind() {
    with_token(
        "hangs::a_module_that_always_hangs_holds_no_thread_and_leaves_no_process_behind",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(1, PATIENCE);
            let before = threads();
            token.command("hang C_Sign");
            let deadline = Instant::now() + SOON;
            while hsm.process_ends().hung < 4 {
                assert!(Instant::now() < deadline, "{:?}", hsm.state());
                hsm.sign_blocking(&key, &[7; 32]).unwrap_err();
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(threads() <= before && children() <= 1);
            // Making keys is another thread's work and goes on.
            run(hsm.generate_share(WRAPPING)).unwrap();
            token.behave();
            works_again(&hsm, &key);
            assert_eq!(hsm.state(), HsmState::Working);
            assert_eq!(hsm.process_ends().died, 0);
            drop(hsm);
            let deadline = Instant::now() + SOON;
            while children() > 0 {
                assert!(Instant::now() < deadline, "a process stays behind");
                std::thread::sleep(Duration::from_millis(10));
            }
        },
    );
}

/// Scenario 167, at the pool: thirty seconds of a hang, on a token that others use too.
#[test]
fn s167_while_one_call_hangs_the_others_and_other_modules_go_on() {
    with_token(
        "hangs::s167_while_one_call_hangs_the_others_and_other_modules_go_on",
        |house| {
            let token = Obstinate::new(house);
            let (hsm, key, _) = token.open(2, UNHURRIED);
            // The same tokens by a module that is not told anything.
            let address = TokenAddress {
                module: house.module().into(),
                ..token.address()
            };
            let size = PoolSize {
                workers: 1,
                waiting: 8,
            };
            let other =
                Hsm::open(address, Arc::new(CountedPin::default()), size, UNHURRIED).unwrap();
            let other_key = other.signing_key(SIGNING, Curve::P256).unwrap();
            let share = run(hsm.generate_share(WRAPPING)).unwrap();

            token.command("hang C_UnwrapKey");
            std::thread::scope(|scope| {
                let hanging = scope.spawn(|| {
                    let wrapped = share.wrapped.clone();
                    run(hsm.raw_rsa_with_wrapped(WRAPPING, wrapped, vec![1; 256]))
                });
                let (mut signed, mut signed_by_other) = (0, 0);
                while !hanging.is_finished() {
                    // Those that are under way when the process is ended are done in the next.
                    match hsm.sign_blocking(&key, &[7; 32]) {
                        Ok(_) => signed += 1,
                        Err(error) => assert!(matches!(error, HsmError::OutOfOrder(_)), "{error}"),
                    }
                    other.sign_blocking(&other_key, &[7; 32]).unwrap();
                    signed_by_other += 1;
                }
                let result = hanging.join().unwrap();
                assert!(matches!(result, Err(HsmError::TimedOut(_))), "{result:?}");
                // Whoever had to wait for the hang would have come once.
                assert!(signed > 1 && signed_by_other > 1);
            });
            assert_eq!(other.process_ends(), ProcessEnds::default());
            token.behave();
            works_again(&hsm, &key);
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
