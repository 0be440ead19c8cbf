//! What a token offers beyond what a vault needs.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use symbolon_vault::conformance::{Bench, PINS, Setup};
use symbolon_vault::{Bearing, Finding, VaultError};

use crate::bench::TokenBench;
use crate::by_hand::logged_in;
use crate::proofs::{entered, settle};
use crate::{kryoptic, softhsm};

const ASKS: &str = "CKA_ALWAYS_AUTHENTICATE";
const COUNTS: &str = "CKH_MONOTONIC_COUNTER";

fn finding(bench: &TokenBench, property: &str) -> Finding {
    let custody = bench.vault().custody().unwrap();
    let mut findings = custody.findings.into_iter();
    let finding = findings.find(|finding| finding.property.contains(property));
    let finding = finding.unwrap();
    assert_eq!(finding.bearing, Bearing::Extra);
    finding
}

fn sign(setup: &mut Setup<TokenBench>) -> Result<bool, VaultError> {
    let proof = entered(setup, PINS[0]);
    let verdict = setup.first.judging.verdict(&proof);
    settle(setup, &verdict).map(|(_, signed)| signed)
}

/// What a program gets that has a login, and uses the token's shares with nothing else.
fn used_by_others(bench: &TokenBench, pin: &str) -> Vec<Result<(), RvError>> {
    let shares = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Label(b"symbolon share".to_vec()),
    ];
    let mut message = [7; 256];
    message[0] = 0;
    logged_in(bench.module(), pin, |session| {
        let shares = session.find_objects(&shares).unwrap().into_iter();
        let used = shares.map(|share| session.sign(&Mechanism::RsaX509, share, &message));
        used.map(|used| match used {
            Ok(_) => Ok(()),
            Err(Error::Pkcs11(code, _)) => Err(code),
            Err(error) => panic!("{error}"),
        })
        .collect()
    })
}

fn each_use_asks(bench: TokenBench, pin: &str) {
    assert!(finding(&bench, ASKS).holds);
    let mut setup = Setup::new(bench);
    assert!(sign(&mut setup).unwrap());
    assert!(sign(&mut setup).unwrap());
    let refused = vec![Err(RvError::UserNotLoggedIn)];
    assert_eq!(used_by_others(&setup.bench, pin), refused);
    // Nor did their attempt take anything from us.
    assert!(sign(&mut setup).unwrap());
}

#[test]
fn s190_a_share_on_softhsm_is_used_with_the_tokens_pin_alone() {
    if let Some(bench) = TokenBench::start() {
        each_use_asks(bench, softhsm::PIN);
    }
}

#[test]
fn s190_a_share_on_kryoptic_is_used_with_the_tokens_pin_alone() {
    if let Some(bench) = kryoptic::start() {
        each_use_asks(bench, kryoptic::PIN);
    }
}

#[test]
fn s191_a_pin_that_the_token_refuses_at_a_use_is_not_tried_again() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut setup = Setup::new(bench);
    // CKR_PIN_INCORRECT: it was changed since the login.
    setup.bench.command("fail C_Login 160\n");
    expect_refused_pin(sign(&mut setup).map(drop));
    // The token would count it again, if it were given.
    setup.bench.behave();
    let share = &setup.first.share.sealed;
    expect_refused_pin(setup.vault.pin_count(share).map(drop));
    setup.vault = setup.bench.vault();
    assert!(sign(&mut setup).unwrap());
}

fn expect_refused_pin(outcome: Result<(), VaultError>) {
    match outcome {
        Err(VaultError::Unavailable { detail, .. }) => {
            assert!(detail.contains("refused the PIN"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn s192_a_token_without_extras_is_fit_and_says_so() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    bench.command("never-ask\n");
    let lacking = finding(&bench, ASKS);
    assert!(!lacking.holds);
    assert!(
        lacking.detail.contains("AttributeValueInvalid"),
        "{lacking:?}"
    );
    assert!(!finding(&bench, COUNTS).holds);

    // Its shares are used as ever, also by a version that knows of such keys elsewhere.
    let mut setup = Setup::new(bench);
    assert!(sign(&mut setup).unwrap());
    setup.bench.behave();
    setup.vault = setup.bench.vault();
    assert!(sign(&mut setup).unwrap());
    assert_eq!(used_by_others(&setup.bench, softhsm::PIN), [Ok(())]);
}

#[test]
fn s192_a_counter_in_hardware_is_told_and_not_relied_on() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    bench.command("count\n");
    let counter = finding(&bench, COUNTS);
    assert!(
        counter.holds && counter.detail.contains("not relied on"),
        "{counter:?}"
    );
    let mut setup = Setup::new(bench);
    assert!(sign(&mut setup).unwrap());
    setup.assert_count(0, 3);
}
