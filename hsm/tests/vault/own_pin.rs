//! The token's own PIN, on a token that locks it.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use symbolon_vault::conformance::Bench;
use symbolon_vault::{Vault, VaultError};

use crate::bench::TokenBench;
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
    log_in_by_hand(&module);
    waiting.custody().unwrap();
}

/// In this process too: the vault's has its own.
fn started(module: &std::path::Path) -> Pkcs11 {
    let module = Pkcs11::new(module).unwrap();
    let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(locking).unwrap();
    module
}

fn log_in_by_hand(module: &std::path::Path) {
    let module = started(module);
    let slot = module.get_slots_with_token().unwrap()[0];
    let session = module.open_ro_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(PIN)))
        .unwrap();
    session.logout().unwrap();
}
