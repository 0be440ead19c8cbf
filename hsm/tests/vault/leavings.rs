//! What is on a token before and after: an account that is gone, or that never came to be, has left
//! nothing.

use cryptoki::object::Attribute;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::release::PolicyReference;
use symbolon_vault::conformance::{Authority, Bench, PINS, Setup};
use symbolon_vault::{Pin, ShareEnrolment, Vault, VaultError};

use crate::bench::TokenBench;
use crate::by_hand::logged_in;
use crate::softhsm::PIN;

/// How many objects stay on the token, whosoever they are.
fn objects(bench: &TokenBench) -> usize {
    logged_in(bench.module(), PIN, |session| {
        let found = session.find_objects(&[Attribute::Token(true)]).unwrap();
        found.len()
    })
}

#[test]
fn a_destroyed_account_has_left_nothing() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut setup = Setup::new(bench);
    let second = setup.second();
    let identity = setup.vault.create_identity(&mut |_| Ok(())).unwrap();
    assert_eq!(objects(&setup.bench), 2 * 3 + 1);
    setup.vault.destroy(setup.first.share.sealed).unwrap();
    setup.vault.destroy(second.share.sealed).unwrap();
    setup.vault.destroy_identity(identity.sealed).unwrap();
    assert_eq!(objects(&setup.bench), 0);
}

#[test]
fn what_could_not_be_made_has_left_nothing() {
    let Some(bench) = TokenBench::start() else {
        return;
    };
    let mut vault = bench.vault();
    // Looked at while all is well; what fails later is not what it was refused for.
    vault.custody().unwrap();
    assert_eq!(objects(&bench), 0);
    for function in [
        "C_GenerateKeyPair",
        "C_GenerateKey",
        "C_GetAttributeValue",
        "C_CreateObject",
    ] {
        // CKR_DEVICE_MEMORY.
        bench.command(&format!("fail {function} 49\n"));
        assert!(enrol(&mut *vault).is_err(), "{function}");
        let made = vault.create_identity(&mut |_| Ok(()));
        assert_eq!(
            made.is_err(),
            matches!(function, "C_GenerateKeyPair" | "C_GetAttributeValue"),
            "{function}"
        );
        bench.behave();
        if let Ok(identity) = made {
            vault.destroy_identity(identity.sealed).unwrap();
        }
        assert_eq!(objects(&bench), 0, "{function}");
    }
    enrol(&mut *vault).unwrap();
}

fn enrol(vault: &mut dyn Vault) -> Result<(), VaultError> {
    let enrolment = ShareEnrolment {
        reference: PolicyReference {
            document_number: "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            purpose: KeyPurpose::Signing,
        },
        release_key: Authority::new().point(),
        purpose: KeyPurpose::Signing,
    };
    let pin = Pin::parse(PINS[1].as_bytes()).unwrap();
    vault.enrol(&enrolment, &pin, &mut |_| Ok(())).map(drop)
}
