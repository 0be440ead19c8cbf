//! Root, with or without a colluding service, against the TPM's sessions.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod common;

use std::time::{Duration, Instant};

use common::loot::Attacker;
use common::{Borrowed, Swtpm};
use symbolon_tpm::esys::{Authorization, NvAuthority, SessionKind, SessionUse, response};
use symbolon_vault::PinOutcome;
use symbolon_vault::conformance::{Authority, Bench, PINS, Setup};

fn setup(swtpm: &Swtpm) -> Setup<Borrowed> {
    let mut setup = Setup::new(Borrowed(swtpm.tcti()));
    setup.vault = setup.bench.vault();
    setup
}

#[test]
fn sessions_opened_before_the_lock_are_judged_three_times() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let setup = setup(&swtpm);
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let parked: Vec<_> = (0..12)
        .map(|_| {
            let session = attacker.policy_session();
            attacker
                .context
                .policy_command_code(&session, 0x159)
                .unwrap();
            attacker.context.save_session(session).unwrap()
        })
        .collect();
    let judged = parked
        .iter()
        .filter(|parked| {
            let session = attacker.context.load_session(parked).unwrap();
            attacker
                .guess_in(&session, Authorization::Password, PINS[2])
                .unwrap_err()
                .is_wrong_authorization()
        })
        .count();
    assert_eq!(judged, 3);
    assert!(
        attacker
            .guess(PINS[0])
            .unwrap_err()
            .is(response::AUTH_UNAVAILABLE)
    );
    assert_eq!(attacker.count(), (3, 3));
}

#[test]
fn forty_parked_releases_and_a_colluding_service_give_nine_guesses() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = setup(&swtpm);
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    const HOUR: u32 = 3600;
    let parked: Vec<_> = (0..40)
        .map(|number| {
            let limit = if number % 2 == 0 { 6 } else { 9 };
            let session = attacker
                .fulfil_release(limit, |nonce| {
                    setup
                        .authority
                        .release_within(&setup.first, nonce, limit, HOUR)
                })
                .unwrap();
            (limit, attacker.context.save_session(session).unwrap())
        })
        .collect();
    let mut judged = attacker.guess_until_refused();
    assert_eq!(judged, 3);
    for (limit, parked) in parked {
        let session = attacker.context.load_session(&parked).unwrap();
        attacker.write_limit(&session, limit).unwrap();
        judged += attacker.guess_until_refused();
        // What was used is used up.
        assert!(attacker.context.load_session(&parked).is_err());
    }
    for limit in [6, 9] {
        let session = attacker
            .fulfil_release(limit, |nonce| {
                setup.authority.release(&setup.first, nonce, limit)
            })
            .unwrap();
        attacker.write_limit(&session, limit).unwrap();
        judged += attacker.guess_until_refused();
    }
    assert_eq!(judged, 9);
    assert!(
        attacker
            .guess(PINS[0])
            .unwrap_err()
            .is(response::AUTH_UNAVAILABLE)
    );
    drop(attacker);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
}

#[test]
fn a_release_writes_nothing_else() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = setup(&swtpm);
    setup.enter_wrong(3);
    setup.vault = setup.bench.vault();
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let fulfil = |limit| {
        attacker
            .fulfil_release(limit, |nonce| {
                setup.authority.release(&setup.first, nonce, limit)
            })
            .unwrap()
    };
    for (contents, offset) in [
        (&[0, 0, 0, 9][..], 4),
        (&[0, 0, 3, 0xe8], 4),
        (&[0, 0, 0, 6], 0),
        (&[0, 0, 0, 0], 0),
        (&[0, 0, 0, 0, 0, 0, 0, 6], 0),
    ] {
        let session = fulfil(6);
        let refused = attacker.context.nv_write(
            NvAuthority::Index,
            Authorization::Session(&session),
            &attacker.index,
            contents,
            offset,
        );
        assert!(refused.unwrap_err().is(response::POLICY_FAIL));
    }
    let session = fulfil(6);
    let refused = attacker.context.nv_change_auth(
        &attacker.index,
        Authorization::Session(&session),
        Authorization::None,
        b"known to the attacker",
    );
    assert!(refused.unwrap_err().is(response::POLICY_FAIL));
    assert_eq!(attacker.count(), (3, 3));
}

#[test]
fn without_the_services_signature_nothing_is_released() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = setup(&swtpm);
    setup.enter_wrong(3);
    setup.vault = setup.bench.vault();
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let foreign = Authority::new();
    let refused = attacker
        .fulfil_release(6, |nonce| foreign.release(&setup.first, nonce, 6))
        .err()
        .unwrap();
    assert!(refused.is(response::SIGNATURE), "{refused}");
    // P's approval alone fulfils nothing.
    let session = attacker.policy_session();
    assert!(attacker.approve(&session, 6).is_err());
    assert!(attacker.write_limit(&session, 6).is_err());
    assert_eq!(attacker.count(), (3, 3));
}

#[test]
fn an_expired_release_is_refused() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = setup(&swtpm);
    setup.enter_wrong(3);
    let sealed = &setup.first.share.sealed;
    let nonce = setup.vault.begin_release(sealed).unwrap();
    let begun = Instant::now();
    let release = setup.authority.release_within(&setup.first, &nonce, 6, 1);
    // The TPM's own clock has to pass the second; there is nothing else to wait for.
    while begun.elapsed() < Duration::from_millis(1100) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = setup.vault.finish_release(sealed, &release);
    assert!(
        matches!(
            refused,
            Err(symbolon_vault::VaultError::ReleaseRefused { .. })
        ),
        "{refused:?}"
    );
    setup.assert_count(3, 3);
}

#[test]
fn a_session_bound_to_the_counter_is_refused() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let setup = setup(&swtpm);
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    for pin in [PINS[0], PINS[2]] {
        let _authorized = attacker
            .index
            .authorize(&attacker.loot.auth_value(pin))
            .unwrap();
        let bound = attacker.context.start_session(
            SessionKind::Hmac,
            None,
            Some(&attacker.index),
            SessionUse::LAST,
        );
        assert!(bound.is_err());
    }
    assert_eq!(attacker.count(), (0, 3));
}

/// A policy with PolicyAuthValue would judge PINs past the limit.
#[test]
fn no_policy_of_the_counter_takes_its_auth_value() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = setup(&swtpm);
    setup.enter_wrong(3);
    setup.vault = setup.bench.vault();
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let _authorized = attacker
        .index
        .authorize(&attacker.loot.auth_value(PINS[0]))
        .unwrap();
    for released in [false, true] {
        let session = if released {
            attacker
                .fulfil_release(6, |nonce| setup.authority.release(&setup.first, nonce, 6))
                .unwrap()
        } else {
            attacker.policy_session()
        };
        attacker.context.policy_auth_value(&session).unwrap();
        let changed = attacker.context.nv_change_auth(
            &attacker.index,
            Authorization::Session(&session),
            Authorization::None,
            b"known to the attacker",
        );
        assert!(changed.is_err());
        assert!(attacker.write_limit(&session, 6).is_err());
    }
    assert_eq!(attacker.count(), (3, 3));
}

/// Who saw one PIN entry may sign once with it, not twice.
#[test]
fn a_proven_session_is_worth_one_operation() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let setup = setup(&swtpm);
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let session = attacker.policy_session();
    attacker
        .context
        .policy_command_code(&session, 0x159)
        .unwrap();
    let proof = attacker.hmac_session();
    attacker
        .guess_in(&session, Authorization::Session(&proof), PINS[0])
        .unwrap();
    let key = attacker.load_key().unwrap();
    let operate = || {
        attacker.context.rsa_decrypt(
            &key,
            Authorization::Session(&session),
            Authorization::None,
            &[1; 256],
        )
    };
    operate().unwrap();
    assert!(operate().unwrap_err().is(response::POLICY_FAIL));
}

/// The key alone opens nothing: not by an empty authValue, not by a policy without the PIN.
#[test]
fn the_stolen_key_opens_nothing() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let setup = setup(&swtpm);
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let key = attacker.load_key().unwrap();
    let session = attacker.policy_session();
    attacker
        .context
        .policy_command_code(&session, 0x159)
        .unwrap();
    for authorization in [Authorization::Password, Authorization::Session(&session)] {
        let opened =
            attacker
                .context
                .rsa_decrypt(&key, authorization, Authorization::None, &[1; 256]);
        assert!(opened.is_err());
    }
}
