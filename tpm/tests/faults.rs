//! An owner password, a full or foreign TPM: each is said for what it is, and is no guess.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod common;

use common::loot::Attacker;
use common::{Borrowed, Swtpm};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_tpm::esys::{Authorization, Context, NvPublic, OWNER, PublicArea, attributes};
use symbolon_tpm::{OwnerPassword, TpmVault};
use symbolon_vault::conformance::{Authority, Bench, Enrolment, PINS, Setup};
use symbolon_vault::{Pin, PinOutcome, ShareEnrolment, Vault, VaultError};

const PASSWORD: &str = "an owner's password";

fn vault(swtpm: &Swtpm, password: Option<&str>) -> TpmVault {
    let password = password.map(|password| OwnerPassword::new(password.as_bytes().to_vec()));
    TpmVault::open(&swtpm.tcti(), password).unwrap()
}

fn set_owner_password(swtpm: &Swtpm) {
    Context::connect(&swtpm.tcti())
        .unwrap()
        .change_owner_password(PASSWORD.as_bytes())
        .unwrap();
}

fn try_enrolling(vault: &mut TpmVault) -> Result<(), VaultError> {
    let enrolment = ShareEnrolment {
        reference: symbolon_protocol::release::PolicyReference {
            document_number: "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            purpose: KeyPurpose::Authentication,
        },
        release_key: Authority::new().point(),
        purpose: KeyPurpose::Authentication,
    };
    vault
        .enrol(&enrolment, &pin(PINS[0]), &mut |_| Ok(()))
        .map(|_| ())
}

#[test]
fn where_an_owner_password_is_set_only_signing_goes_without() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    set_owner_password(&swtpm);
    for password in [None, Some("another")] {
        let mut vault = vault(&swtpm, password);
        let refused = try_enrolling(&mut vault);
        assert!(
            matches!(refused, Err(VaultError::OwnerPassword { .. })),
            "{refused:?}"
        );
        let custody = vault.custody().unwrap();
        assert!(!custody.lockout_in_hardware);
        assert!(custody.findings[0].detail.contains("owner password"));
    }
    let authority = Authority::new();
    let mut with = vault(&swtpm, Some(PASSWORD));
    let enrolment = Enrolment::new(&mut with, &authority, KeyPurpose::Authentication, PINS[0]);
    let identity = with.create_identity(&mut |_| Ok(())).unwrap();
    let sealed = &enrolment.share.sealed;
    assert_eq!(with.pin_count(sealed).unwrap().failures, 0);
    with.certify_count(&identity.sealed, sealed, &[1; 32])
        .unwrap();
    drop(with);

    let mut without = vault(&swtpm, None);
    for refused in [
        without.pin_count(sealed).err(),
        without
            .certify_count(&identity.sealed, sealed, &[1; 32])
            .err(),
    ] {
        assert!(
            matches!(refused, Some(VaultError::OwnerPassword { .. })),
            "{refused:?}"
        );
    }
    let mut sign = |digits| {
        let message = enrolment.message();
        without.sign(sealed, pin(digits), &message).unwrap()
    };
    assert!(matches!(sign(PINS[0]), PinOutcome::Accepted(_)));
    for _ in 0..3 {
        assert_eq!(sign(PINS[2]), PinOutcome::Wrong { tries_left: None });
    }
    assert_eq!(sign(PINS[0]), PinOutcome::Locked);
    drop(without);

    // After a release the limit goes back to 3 without the owner, too.
    let mut with = vault(&swtpm, Some(PASSWORD));
    let nonce = with.begin_release(sealed).unwrap();
    let release = authority.release(&enrolment, &nonce, 6);
    assert_eq!(with.finish_release(sealed, &release).unwrap().limit, 6);
    drop(with);
    let mut without = vault(&swtpm, None);
    let signed = without.sign(sealed, pin(PINS[0]), &enrolment.message());
    assert!(matches!(signed.unwrap(), PinOutcome::Accepted(_)));
    drop(without);
    let mut with = vault(&swtpm, Some(PASSWORD));
    let count = with.pin_count(sealed).unwrap();
    assert_eq!((count.failures, count.limit), (0, 3));
    with.destroy(enrolment.share.sealed).unwrap();
}

#[test]
fn a_removed_counter_is_lost_and_not_wrong() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = Setup::new(Borrowed(swtpm.tcti()));
    setup.vault = setup.bench.vault();
    let Attacker { context, index, .. } = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    context.nv_undefine(Authorization::Password, index).unwrap();
    drop(context);
    let message = setup.first.message();
    for digits in [PINS[0], PINS[2]] {
        let signed = setup
            .vault
            .sign(&setup.first.share.sealed, pin(digits), &message);
        assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
    }
}

/// Otherwise whoever made it would read every salt.
#[test]
fn a_storage_key_that_is_none_is_refused() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let context = Context::connect(&swtpm.tcti()).unwrap();
    let signing = attributes::FIXED_TPM
        | attributes::FIXED_PARENT
        | attributes::SENSITIVE_DATA_ORIGIN
        | attributes::USER_WITH_AUTH
        | attributes::SIGN;
    let (key, _) = context
        .create_primary(
            OWNER,
            Authorization::Password,
            &PublicArea::p256(signing, false, true, None),
        )
        .unwrap();
    context
        .make_persistent(Authorization::Password, &key, 0x8100_0001)
        .unwrap();
    drop((key, context));
    let refused = try_enrolling(&mut vault(&swtpm, None));
    assert!(
        matches!(refused, Err(VaultError::Unfit { .. })),
        "{refused:?}"
    );
}

#[test]
fn handles_that_others_took_are_left_alone() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let context = Context::connect(&swtpm.tcti()).unwrap();
    for handle in [0x0180_5300, 0x0180_5301, 0x0180_5303] {
        context
            .nv_define(
                Authorization::Password,
                b"",
                &NvPublic {
                    handle,
                    attributes: 0x0204_0004,
                    policy: Vec::new(),
                    size: 8,
                },
            )
            .unwrap();
    }
    drop(context);
    let setup = Setup::new(Borrowed(swtpm.tcti()));
    let content = &setup.first.share.sealed.content["content"];
    assert_eq!(content["index"], 0x0180_5302);
}

/// It enrols, but does not claim what a snapshot can undo.
#[test]
fn a_software_tpm_is_not_called_hardware() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let custody = vault(&swtpm, None).custody().unwrap();
    assert!(!custody.lockout_in_hardware);
    let failed: Vec<_> = custody
        .findings
        .iter()
        .filter(|finding| !finding.holds)
        .map(|finding| finding.property.as_str())
        .collect();
    assert_eq!(failed, ["no snapshot can take the TPM's counts back"]);
    assert!(custody.findings.len() > 9);
}

/// The probe leaves nothing behind.
#[test]
fn the_examination_leaves_no_index() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    drop(vault(&swtpm, None).custody().unwrap());
    let context = Context::connect(&swtpm.tcti()).unwrap();
    let (handles, _) = context.handles(0x0100_0000).unwrap();
    let indices: Vec<_> = handles
        .iter()
        .filter(|handle| **handle >> 24 == 1)
        .collect();
    assert!(indices.is_empty(), "{indices:x?}");
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits.as_bytes()).unwrap()
}
