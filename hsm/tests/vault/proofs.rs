//! Proofs, verdicts and what a token was made to forget.

use symbolon_protocol::device::pin::{Judgement, PinLedger, PinVerdict, ProvePin};
use symbolon_protocol::lockout::PinCount;
use symbolon_vault::conformance::{Bench, PINS, Setup};
use symbolon_vault::{Pin, PinOutcome, VaultError};

use crate::bench::TokenBench;

pub(crate) fn entered(setup: &mut Setup<TokenBench>, digits: &str) -> ProvePin {
    let pin = Pin::parse(digits.as_bytes()).unwrap();
    let message = setup.first.message();
    let outcome = setup.vault.sign(&setup.first.share.sealed, pin, &message);
    match outcome.unwrap() {
        PinOutcome::Unjudged(proof) => proof,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn settle(
    setup: &mut Setup<TokenBench>,
    verdict: &PinVerdict,
) -> Result<(PinCount, bool), VaultError> {
    let settled = setup.vault.settle(&setup.first.share.sealed, verdict)?;
    Ok((settled.count, settled.signature.is_some()))
}

#[test]
fn an_entry_is_counted_before_its_proof_exists_and_stays_so_without_a_verdict() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut setup = Setup::new(bench);
    let first = entered(&mut setup, PINS[0]);
    assert_eq!((first.entry, first.failures), (1, 1));
    setup.vault = setup.bench.vault();
    setup.assert_count(1, 3);
    let second = entered(&mut setup, PINS[0]);
    assert_eq!((second.entry, second.failures), (2, 2));
    assert_ne!(first.signature, second.signature);
    setup.assert_count(2, 3);
}

#[test]
fn a_verdict_opens_what_the_last_entry_was_for_and_once() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut setup = Setup::new(bench);
    let proof = entered(&mut setup, PINS[0]);
    let right = setup.first.judging.verdict(&proof);
    assert_eq!(right.judgement, Judgement::Right);
    // A later entry takes its place.
    let later = entered(&mut setup, PINS[2]);
    assert!(settle(&mut setup, &right).is_err());
    let wrong = setup.first.judging.verdict(&later);
    assert!(!settle(&mut setup, &wrong).unwrap().1);

    let proof = entered(&mut setup, PINS[0]);
    let right = setup.first.judging.verdict(&proof);
    assert!(settle(&mut setup, &right).unwrap().1);
    assert!(settle(&mut setup, &right).is_err());
    setup.assert_count(0, 3);
    // Nor does one open anything in a daemon that was started since.
    let proof = entered(&mut setup, PINS[0]);
    let right = setup.first.judging.verdict(&proof);
    setup.vault = setup.bench.vault();
    assert!(settle(&mut setup, &right).is_err());
    setup.assert_count(0, 3);
}

#[test]
fn a_counter_that_was_set_back_takes_the_larger_count_and_no_limit() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut setup = Setup::new(bench);
    let ledger = |entries, failures, limit| PinLedger {
        entries,
        count: PinCount { failures, limit },
    };
    entered(&mut setup, PINS[0]);
    let verdict = PinVerdict {
        judgement: Judgement::SetBack,
        ledger: ledger(7, 2, 3),
    };
    let settled = settle(&mut setup, &verdict).unwrap();
    assert_eq!(settled, (ledger(7, 2, 3).count, false));
    let next = entered(&mut setup, PINS[0]);
    assert_eq!((next.entry, next.failures), (8, 3));
    let share = &setup.first.share.sealed;
    let count = setup.vault.reconcile(share, &ledger(9, 3, 9)).unwrap();
    assert!(count.is_locked(), "a ledger raises no limit: {count:?}");
}

#[test]
fn a_token_that_lacks_a_mechanism_is_refused_with_the_reason() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    // CKR_MECHANISM_INVALID.
    bench.command("fail C_GenerateKeyPair 112\n");
    let mut vault = bench.vault();
    let custody = vault.custody().unwrap();
    let holds = |property: &str| {
        let mut findings = custody.findings.iter();
        let finding = findings.find(|finding| finding.property.contains(property));
        finding.unwrap().holds
    };
    assert!(!holds("RSA key shares") && holds("a counter"));
    let authority = symbolon_vault::conformance::Authority::new();
    let enrolment = symbolon_vault::ShareEnrolment {
        reference: symbolon_protocol::release::PolicyReference {
            document_number: "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            purpose: symbolon_protocol::identifiers::KeyPurpose::Signing,
        },
        release_key: authority.point(),
        purpose: symbolon_protocol::identifiers::KeyPurpose::Signing,
    };
    let refused = vault
        .enrol(&enrolment, &Pin::parse(b"27182").unwrap(), &mut |_| Ok(()))
        .err();
    match refused {
        Some(VaultError::Unfit { detail }) => assert!(detail.contains("key share"), "{detail}"),
        other => panic!("{other:?}"),
    }
}
