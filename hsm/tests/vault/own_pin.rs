//! The token's own PIN, on a token that locks it.

use symbolon_vault::conformance::Bench;
use symbolon_vault::{Vault, VaultError};

use crate::bench::TokenBench;
use crate::by_hand::{logged_in, started};
use crate::kryoptic::{self, PIN};
use crate::softhsm::LABEL;

fn refusal(vault: &mut dyn Vault) -> String {
    match vault.custody() {
        Err(VaultError::Unavailable { detail, .. }) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn s139_a_wrong_one_is_tried_once_by_each_daemon_and_never_the_last_time() {
    let Some(house) = kryoptic::house() else {
        return;
    };
    let module = house.module().to_owned();
    let bench = TokenBench::new(house, LABEL, "70312-70313");
    let last_try = || {
        let facts = started(&module);
        let slot = facts.get_slots_with_token().unwrap()[0];
        let told = facts.get_token_info(slot).unwrap();
        // So that the next look reads anew what other processes wrote.
        facts.finalize().unwrap();
        assert!(!told.user_pin_locked());
        told.user_pin_final_try()
    };
    let mut vault = bench.vault();
    for _ in 0..20 {
        assert!(refusal(&mut *vault).contains("refused the PIN"));
    }
    assert!(!last_try());

    // As many starts as a service manager makes, and more than kryoptic takes.
    let mut last = String::new();
    for _ in 0..20 {
        let mut vault = bench.vault();
        last = refusal(&mut *vault);
    }
    assert!(last.contains("one try"), "{last}");
    assert!(last_try());

    // A person enters the right one; the daemon that waits may go on with a right one.
    let mut waiting = bench.with_pin(PIN);
    assert!(refusal(&mut *waiting).contains("one try"));
    logged_in(&module, PIN, |_| ());
    waiting.custody().unwrap();
}
