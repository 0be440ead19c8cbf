//! The cases. Each is one test of every backend; its name says what holds.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;
use symbolon_protocol::attestation::read_certified_count;
use symbolon_protocol::device::enrolment::Hardware;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::token_reading;

use super::Bench;
pub use super::enrolments::*;
use super::fixture::{Authority, PINS, Setup, try_pin};
use crate::{Judge, Pin, PinOutcome, SealedShare, VaultError};

pub(super) const ACCEPTED: PinOutcome<()> = PinOutcome::Accepted(());

fn wrong(tries_left: u32) -> PinOutcome<()> {
    PinOutcome::Wrong {
        tries_left: Some(tries_left),
    }
}

/// With preparation or without.
pub fn a_right_pin_signs(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.vault.prepare(&setup.first.share.sealed).unwrap();
    setup.vault.prepare(&setup.first.share.sealed).unwrap();
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.assert_count(0, 3);
}

/// And says how many are left.
pub fn the_third_wrong_pin_locks(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    for left in [2, 1, 0] {
        assert_eq!(setup.try_pin(PINS[2]), wrong(left));
        setup.assert_count(3 - left, 3);
    }
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
    assert_eq!(setup.try_pin(PINS[2]), PinOutcome::Locked);
    setup.assert_count(3, 3);
}

/// But not the other PIN's.
pub fn a_right_pin_clears_its_own_count(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let second = setup.second();
    setup.enter_wrong(2);
    assert_eq!(try_pin(&mut *setup.vault, &second, PINS[1]), ACCEPTED);
    setup.assert_count(2, 3);
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.assert_count(0, 3);
}

/// Nine wrong PINs in a row, and no release helps any more.
pub fn the_ladder_ends_for_good(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    setup.enter_wrong(3);
    let released = |failures, limit| PinCount { failures, limit };
    assert_eq!(setup.release(6), released(3, 6));
    assert_eq!(setup.release(6), released(3, 6));
    setup.enter_wrong(3);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
    assert_eq!(setup.release(9), released(6, 9));
    setup.enter_wrong(3);
    for limit in [6, 9] {
        let failed = setup.release(limit);
        assert!(failed.is_locked(), "{failed:?}");
        assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
    }
}

/// To three.
pub fn a_right_pin_after_a_release_brings_the_limit_back(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    setup.enter_wrong(3);
    setup.release(6);
    assert_eq!(setup.try_pin(PINS[2]), wrong(2));
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.assert_count(0, 3);
    setup.enter_wrong(3);
    setup.release(6);
    // A daemon that has just started does not know of the release.
    setup.vault = setup.bench.vault();
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.assert_count(0, 3);
}

/// Not twice, not without a session, not in a later one.
pub fn a_release_fits_one_session_only(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    setup.enter_wrong(3);
    let sealed = &setup.first.share.sealed;
    let nonce = setup.vault.begin_release(sealed).unwrap();
    let release = setup.authority.release(&setup.first, &nonce, 6);
    let newer = setup.vault.begin_release(sealed).unwrap();
    assert_ne!(nonce, newer);
    assert_refused(setup.vault.finish_release(sealed, &release));
    assert_refused(setup.vault.finish_release(sealed, &release));
    setup.assert_count(3, 3);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
}

/// Nor does another authority's.
pub fn a_release_fits_one_share_and_one_limit_only(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let second = setup.second();
    setup.enter_wrong(3);
    let sealed = &setup.first.share.sealed;
    for forge in [0, 1, 2] {
        let nonce = setup.vault.begin_release(sealed).unwrap();
        let release = match forge {
            0 => setup.authority.release(&second, &nonce, 6),
            1 => Authority::new().release(&setup.first, &nonce, 6),
            _ => {
                let mut release = setup.authority.release(&setup.first, &nonce, 6);
                release.limit = 9;
                release
            }
        };
        assert_refused(setup.vault.finish_release(sealed, &release));
    }
    let nonce = setup.vault.begin_release(sealed).unwrap();
    let mut release = setup.authority.release(&setup.first, &nonce, 6);
    release.limit = 1000;
    assert_refused(setup.vault.finish_release(sealed, &release));
    setup.assert_count(3, 3);
}

/// At once, and for good.
pub fn a_new_pin_replaces_the_old_one(bench: impl Bench) {
    const NEW: &str = "31415";
    let mut setup = Setup::new(bench);
    setup.enter_wrong(1);
    let outcome = setup
        .vault
        .change_pin(&setup.first.share.sealed, pin(PINS[0]), &pin(NEW))
        .unwrap();
    let outcome = setup.first.judged(&mut *setup.vault, outcome, |_| ());
    assert_eq!(outcome, ACCEPTED);
    setup.assert_count(0, 3);
    assert_eq!(setup.try_pin(PINS[0]), wrong(2));
    assert_eq!(setup.try_pin(NEW), ACCEPTED);
    setup.bench.power_off();
    setup.bench.power_on();
    assert_eq!(setup.try_pin(PINS[0]), wrong(2));
    assert_eq!(setup.try_pin(NEW), ACCEPTED);
}

/// Changing a PIN is no way around the count.
pub fn a_wrong_old_pin_is_counted(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let mut change = |old: &str| {
        let outcome = setup
            .vault
            .change_pin(&setup.first.share.sealed, pin(old), &pin("31415"))
            .unwrap();
        setup.first.judged(&mut *setup.vault, outcome, |_| ())
    };
    for left in [2, 1, 0] {
        assert_eq!(change(PINS[2]), wrong(left));
    }
    assert_eq!(change(PINS[0]), PinOutcome::Locked);
    setup.assert_count(3, 3);
}

/// And is counted where it was entered.
pub fn the_pin_of_one_share_does_not_open_the_other(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let second = setup.second();
    assert_eq!(setup.try_pin(PINS[1]), wrong(2));
    assert_eq!(try_pin(&mut *setup.vault, &second, PINS[0]), wrong(2));
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    assert_eq!(try_pin(&mut *setup.vault, &second, PINS[1]), ACCEPTED);
}

/// It never signs for the wrong one.
pub fn what_is_prepared_for_another_share_is_dropped(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let second = setup.second();
    for _ in 0..5 {
        setup.vault.prepare(&setup.first.share.sealed).unwrap();
        setup.vault.prepare(&second.share.sealed).unwrap();
    }
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
    setup.vault.prepare(&setup.first.share.sealed).unwrap();
    assert_eq!(try_pin(&mut *setup.vault, &second, PINS[1]), ACCEPTED);
}

/// So does a lock.
pub fn counts_outlive_daemon_and_power(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    setup.enter_wrong(1);
    setup.bench.power_off();
    setup.bench.power_on();
    setup.assert_count(1, 3);
    setup.enter_wrong(1);
    setup.vault = setup.bench.vault();
    setup.assert_count(2, 3);
    setup.enter_wrong(1);
    setup.bench.power_off();
    setup.bench.power_on();
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
}

/// The vault says so, and recovers by itself.
pub fn missing_hardware_is_no_guess(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let message = setup.first.message();
    setup.enter_wrong(1);
    setup.bench.power_off();
    for _ in 0..4 {
        let sealed = &setup.first.share.sealed;
        for digits in [PINS[0], PINS[2]] {
            let signed = setup.vault.sign(sealed, pin(digits), &message);
            assert!(
                matches!(signed, Err(VaultError::Unavailable { .. })),
                "{signed:?}"
            );
        }
        let counted = setup.vault.pin_count(sealed);
        assert!(matches!(counted, Err(VaultError::Unavailable { .. })));
    }
    setup.bench.power_on();
    setup.assert_count(1, 3);
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
}

/// What was prepared is gone with the power; the PIN was not judged.
pub fn power_lost_after_preparing_is_no_guess(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let message = setup.first.message();
    setup.vault.prepare(&setup.first.share.sealed).unwrap();
    setup.bench.power_off();
    setup.bench.power_on();
    let signed = setup
        .vault
        .sign(&setup.first.share.sealed, pin(PINS[0]), &message);
    assert!(
        matches!(
            signed,
            Ok(PinOutcome::Accepted(_) | PinOutcome::Unjudged(_))
                | Err(VaultError::Unavailable { .. })
        ),
        "{signed:?}"
    );
    if let Ok(outcome) = signed {
        let judged = setup
            .first
            .judged(&mut *setup.vault, outcome, Option::unwrap);
        assert!(matches!(judged, PinOutcome::Accepted(_)));
    }
    setup.assert_count(0, 3);
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
}

/// Whatever octet of it is damaged.
pub fn a_damaged_share_is_no_guess(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let message = setup.first.message();
    let sealed = copy(&setup.first.share.sealed);
    let mut damages = 0;
    while let Some(content) = damaged(&sealed.content, damages) {
        damages += 1;
        let share = SealedShare {
            backend: sealed.backend.clone(),
            content,
        };
        let signed = setup.vault.sign(&share, pin(PINS[0]), &message);
        assert!(
            matches!(
                signed,
                Err(VaultError::Damaged { .. } | VaultError::Lost { .. })
            ),
            "damage {damages}: {signed:?}"
        );
    }
    assert!(damages > 3, "nothing was damaged");
    let foreign = SealedShare {
        backend: "another".to_owned(),
        content: sealed.content,
    };
    let signed = setup.vault.sign(&foreign, pin(PINS[0]), &message);
    assert!(matches!(signed, Err(VaultError::Damaged { .. })));
    setup.assert_count(0, 3);
}

/// Over the service's nonce, under the attestation key.
pub fn a_certified_reading_is_true(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let identity = setup.vault.create_identity(&mut |_| Ok(())).unwrap();
    setup.enter_wrong(2);
    let nonce = [9; 32];
    let reading = setup
        .vault
        .certify_count(&identity.sealed, &setup.first.share.sealed, &nonce)
        .unwrap();
    let name = setup.first.share.public.pin_index_name.as_slice();
    let read = |nonce: &[u8]| match &identity.hardware {
        Hardware::Tpm {
            attestation_key, ..
        } => {
            let key: [u8; 65] = attestation_key.as_slice().try_into().unwrap();
            read_certified_count(&reading, &key, nonce, name)
        }
        Hardware::Token { device_key, .. } => {
            token_reading::read(&reading, device_key.as_slice(), nonce, name)
        }
    };
    let count = read(&nonce).unwrap();
    assert_eq!((count.failures, count.limit), (2, 3));
    assert!(read(&[8; 32]).is_err());
    setup.assert_count(2, 3);
}

/// Also after the daemon has started again.
pub fn the_device_key_signs(bench: impl Bench) {
    let mut vault = bench.vault();
    let identity = vault.create_identity(&mut |_| Ok(())).unwrap();
    drop(vault);
    let digest = [5; 32];
    let signature = bench
        .vault()
        .sign_as_device(&identity.sealed, &digest)
        .unwrap();
    let key = VerifyingKey::from_sec1_bytes(identity.device_key.as_slice()).unwrap();
    key.verify_prehash(&digest, &Signature::from_slice(&signature).unwrap())
        .unwrap();
}

/// And promises hardware lockout only if everything holds.
pub fn custody_says_what_it_found(bench: impl Bench) {
    let custody = bench.vault().custody().unwrap();
    assert!(!custody.hardware.is_empty());
    assert!(!custody.findings.is_empty());
    let all_hold = custody.findings.iter().all(|finding| finding.holds);
    match bench.vault().judge() {
        Judge::Hardware => assert_eq!(custody.lockout_in_hardware, all_hold),
        Judge::Service => assert!(!custody.lockout_in_hardware),
    }
}

pub(super) fn pin(digits: &str) -> Pin {
    Pin::parse(digits.as_bytes()).unwrap()
}

pub(super) fn copy(share: &SealedShare) -> SealedShare {
    SealedShare {
        backend: share.backend.clone(),
        content: share.content.clone(),
    }
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, VaultError>) {
    assert!(
        matches!(result, Err(VaultError::ReleaseRefused { .. })),
        "{result:?}"
    );
}

/// The share with its `number`th text or number changed, `None` when there is none.
fn damaged(content: &Value, number: usize) -> Option<Value> {
    fn damage(value: &mut Value, number: &mut usize) -> bool {
        match value {
            Value::Object(fields) => fields.values_mut().any(|field| damage(field, number)),
            Value::Array(items) => items.iter_mut().any(|item| damage(item, number)),
            _ if *number > 0 => {
                *number -= 1;
                false
            }
            Value::String(text) => {
                let middle = text.len() / 2;
                let other = if text.as_bytes()[middle] == b'A' {
                    "B"
                } else {
                    "A"
                };
                text.replace_range(middle..=middle, other);
                true
            }
            Value::Number(other) => {
                *other = (other.as_u64().unwrap_or(0) ^ 1).into();
                true
            }
            other => {
                *other = Value::Null;
                true
            }
        }
    }
    let mut content = content.clone();
    let mut number = number;
    damage(&mut content, &mut number).then_some(content)
}
