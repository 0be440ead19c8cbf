//! The TPM is killed at the worst moments, and sessions vanish under the vault.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::Swtpm;
use common::proxy::{Moment, Proxy};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::PinCount;
use symbolon_tpm::TpmVault;
use symbolon_vault::conformance::{Authority, Enrolment, PINS};
use symbolon_vault::{Pin, PinOutcome, Vault, VaultError};

const POLICY_SECRET: u32 = 0x151;
const RSA_DECRYPT: u32 = 0x159;
const ROUNDS: usize = 8;

struct Fragile {
    swtpm: Swtpm,
    proxy: Proxy,
    vault: TpmVault,
    enrolment: Enrolment,
}

impl Fragile {
    fn new() -> Option<Self> {
        let swtpm = Swtpm::start()?;
        let proxy = Proxy::start(&swtpm);
        let mut vault = TpmVault::open(&proxy.tcti(), None).unwrap();
        let enrolment = Enrolment::new(
            &mut vault,
            &Authority::new(),
            KeyPurpose::Authentication,
            PINS[0],
        );
        Some(Self {
            swtpm,
            proxy,
            vault,
            enrolment,
        })
    }

    fn sign(&mut self, digits: &str) -> Result<PinOutcome<()>, VaultError> {
        let message = self.enrolment.message();
        let pin = Pin::parse(digits.as_bytes()).unwrap();
        let outcome = self
            .vault
            .sign(&self.enrolment.share.sealed, pin, &message)?;
        Ok(match outcome {
            PinOutcome::Unjudged(_) => unreachable!("a TPM judges PINs itself"),
            PinOutcome::Accepted(signature) => {
                assert!(signature.verify(&message, &self.enrolment.modulus()));
                PinOutcome::Accepted(())
            }
            PinOutcome::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
            PinOutcome::Locked => PinOutcome::Locked,
        })
    }

    fn failures(&mut self) -> u32 {
        let PinCount { failures, limit } =
            self.vault.pin_count(&self.enrolment.share.sealed).unwrap();
        assert_eq!(limit, 3);
        failures
    }

    /// Kills the TPM when the next PIN is being judged: as its answer arrives, or as soon as it
    /// has the command.
    fn kill_at_next_judgement(&self, after_answer: bool) {
        let process = self.swtpm.process();
        self.proxy.interfere(move |moment| {
            let now = match moment {
                Moment::Answered(exchange) => after_answer && exchange.code() == POLICY_SECRET,
                Moment::Sent(command) => !after_answer && code(command) == POLICY_SECRET,
                Moment::Before(_) => false,
            };
            if now {
                kill(process);
            }
            Vec::new()
        });
    }

    fn restart(&mut self) {
        self.proxy.leave_alone();
        self.swtpm.kill();
        self.swtpm.start_again();
    }
}

#[test]
fn killed_on_arrival_of_the_answer_it_has_counted() {
    let Some(mut fragile) = Fragile::new() else {
        return;
    };
    for _ in 0..ROUNDS {
        fragile.kill_at_next_judgement(true);
        let outcome = fragile.sign(PINS[2]);
        // The verdict was seen; that the counter cannot be read any more does not take it away.
        assert_eq!(outcome.unwrap(), PinOutcome::Wrong { tries_left: None });
        fragile.restart();
        assert_eq!(fragile.failures(), 1);
        assert_eq!(fragile.sign(PINS[0]).unwrap(), PinOutcome::Accepted(()));
    }
}

#[test]
fn killed_while_judging_no_answer_is_seen_and_at_most_one_try_counted() {
    let Some(mut fragile) = Fragile::new() else {
        return;
    };
    for _ in 0..ROUNDS {
        fragile.kill_at_next_judgement(false);
        let outcome = fragile.sign(PINS[2]);
        fragile.restart();
        let failures = fragile.failures();
        match outcome {
            // The answer was on its way already.
            Ok(PinOutcome::Wrong { .. }) => assert_eq!(failures, 1),
            Err(VaultError::Unavailable { .. }) => assert!(failures <= 1, "{failures}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(fragile.sign(PINS[0]).unwrap(), PinOutcome::Accepted(()));
    }
}

#[test]
fn killed_after_a_right_pin_it_has_counted_nothing() {
    let Some(mut fragile) = Fragile::new() else {
        return;
    };
    let process = fragile.swtpm.process();
    fragile.proxy.interfere(move |moment| {
        if matches!(moment, Moment::Before(command) if code(command) == RSA_DECRYPT) {
            kill(process);
        }
        Vec::new()
    });
    let outcome = fragile.sign(PINS[0]);
    assert!(
        matches!(outcome, Err(VaultError::Unavailable { .. })),
        "{outcome:?}"
    );
    fragile.restart();
    assert_eq!(fragile.failures(), 0);
    assert_eq!(fragile.sign(PINS[0]).unwrap(), PinOutcome::Accepted(()));
}

/// Somebody flushes the TPM's sessions and keys, as `tpm2_flushcontext` does.
#[test]
fn what_was_flushed_under_us_is_prepared_again() {
    let Some(mut fragile) = Fragile::new() else {
        return;
    };
    for handle in [0x0200_0000u32, 0x0300_0000, 0x0300_0001, 0x8000_0000] {
        for digits in [PINS[0], PINS[2]] {
            fragile
                .vault
                .prepare(&fragile.enrolment.share.sealed)
                .unwrap();
            let mut flush = vec![0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65];
            flush.extend(handle.to_be_bytes());
            let mut once = Some(flush);
            fragile.proxy.interfere(move |moment| match moment {
                Moment::Before(_) => once.take().into_iter().collect(),
                _ => Vec::new(),
            });
            let outcome = fragile.sign(digits).unwrap();
            fragile.proxy.leave_alone();
            if digits == PINS[0] {
                assert_eq!(outcome, PinOutcome::Accepted(()), "{handle:#x}");
            } else {
                let one = PinOutcome::Wrong {
                    tries_left: Some(2),
                };
                assert_eq!(outcome, one, "{handle:#x}");
                assert_eq!(fragile.sign(PINS[0]).unwrap(), PinOutcome::Accepted(()));
            }
        }
    }
}

/// A change of PIN that is cut off leaves the old one or the new one, and no third state.
#[test]
fn killed_while_changing_the_pin_one_of_both_is_right() {
    const NEW: &str = "31415";
    let Some(mut fragile) = Fragile::new() else {
        return;
    };
    let seen = Arc::new(AtomicU32::new(0));
    let mut right = PINS[0];
    for cut in 0.. {
        let process = fragile.swtpm.process();
        let counter = Arc::clone(&seen);
        seen.store(0, Ordering::Relaxed);
        fragile.proxy.interfere(move |moment| {
            if matches!(moment, Moment::Answered(_))
                && counter.fetch_add(1, Ordering::Relaxed) == cut
            {
                kill(process);
            }
            Vec::new()
        });
        let other = if right == NEW { PINS[0] } else { NEW };
        let pin = |digits: &str| Pin::parse(digits.as_bytes()).unwrap();
        let changed =
            fragile
                .vault
                .change_pin(&fragile.enrolment.share.sealed, pin(right), &pin(other));
        let all_seen = seen.load(Ordering::Relaxed) <= cut;
        fragile.restart();
        match (changed, fragile.sign(other).unwrap()) {
            (Ok(PinOutcome::Accepted(())), PinOutcome::Accepted(()))
            | (Err(VaultError::Unavailable { .. }), PinOutcome::Accepted(())) => right = other,
            (Err(VaultError::Unavailable { .. }), PinOutcome::Wrong { .. }) => {
                assert_eq!(fragile.sign(right).unwrap(), PinOutcome::Accepted(()));
            }
            other => panic!("{other:?}"),
        }
        if all_seen {
            return;
        }
    }
}

fn code(command: &[u8]) -> u32 {
    u32::from_be_bytes(command[6..10].try_into().unwrap())
}

/// The process is this test's own, and its parent has not waited for it yet.
fn kill(process: u32) {
    let _ = Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
}
