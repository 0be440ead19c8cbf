//! What an enrolment makes, and what is left when it is undone.

use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::release::PolicyReference;
use symbolon_protocol::split_key::device_modulus;

use super::cases::{ACCEPTED, copy, pin};
use super::fixture::try_pin;
use super::{Authority, Bench, PINS, Setup};
use crate::{EnrolledShare, Judge, Note, Remains, ShareEnrolment, Vault, VaultError};

/// Destroying it again is no error, and the other share lives.
pub fn what_is_destroyed_is_lost(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let second = setup.second();
    let first = setup.first.share.sealed;
    setup.vault.destroy(copy(&first)).unwrap();
    let signed = setup.vault.sign(&first, pin(PINS[0]), &second.message());
    assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
    assert!(matches!(
        setup.vault.pin_count(&first),
        Err(VaultError::Lost { .. })
    ));
    setup.vault.destroy(first).unwrap();
    assert_eq!(try_pin(&mut *setup.vault, &second, PINS[1]), ACCEPTED);
}

/// Of two moduli whose product must have 4096 bits, this one is large enough that many others fit.
pub fn a_new_share_leaves_room_for_the_services(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    for _ in 0..5 {
        let share = setup.second();
        assert!(device_modulus::prefers(&share.modulus()));
        setup.vault.destroy(share.share.sealed).unwrap();
    }
}

/// Destroying it again is no error. Hardware that keeps device keys itself keeps it no longer.
pub fn a_destroyed_identity_takes_no_other_with_it(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let first = setup.vault.create_identity(&mut |_| Ok(())).unwrap().sealed;
    let second = setup.vault.create_identity(&mut |_| Ok(())).unwrap().sealed;
    for _ in 0..2 {
        setup.vault.destroy_identity(first.clone()).unwrap();
    }
    let signed = setup.vault.sign_as_device(&first, &[7; 32]);
    if setup.vault.judge() == Judge::Service {
        assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
    }
    setup.vault.sign_as_device(&second, &[7; 32]).unwrap();
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
}

/// Only what was noted, and also if nothing of it came to be.
pub fn what_a_broken_enrolment_left_is_cleared(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let mut remains = None;
    let broken = enrol(&mut *setup.vault, &mut |noted| {
        remains = Some(noted);
        Ok(())
    });
    let (broken, remains) = (broken.unwrap().sealed, remains.unwrap());
    setup.vault.pin_count(&broken).unwrap();
    setup.vault = setup.bench.vault();
    for _ in 0..2 {
        setup.vault.clear(&remains).unwrap();
    }
    let count = setup.vault.pin_count(&broken);
    assert!(matches!(count, Err(VaultError::Lost { .. })), "{count:?}");
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
}

/// What could not be found again after a crash is not begun.
pub fn what_cannot_be_noted_is_not_made(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let mut remains = None;
    let refused = enrol(&mut *setup.vault, &mut |noted: Remains| {
        remains = Some(noted.clone());
        not_noted(noted)
    });
    match refused.err() {
        Some(VaultError::Fault { detail, .. }) => assert_eq!(detail, "the disk is full"),
        other => panic!("{other:?}"),
    }
    // Whoever makes another share now may get the very place.
    let next = setup.second();
    setup.vault.clear(&remains.unwrap()).unwrap();
    assert_eq!(try_pin(&mut *setup.vault, &next, PINS[1]), ACCEPTED);
}

/// Hardware that keeps device keys itself notes them; other leaves nothing that needs a note.
pub fn a_noted_device_key_is_cleared_and_an_unnoted_one_is_not_made(bench: impl Bench) {
    let mut setup = Setup::new(bench);
    let mut remains = None;
    let made = setup.vault.create_identity(&mut |noted| {
        remains = Some(noted);
        Ok(())
    });
    let identity = made.unwrap().sealed;
    assert_eq!(remains.is_some(), setup.vault.judge() == Judge::Service);
    let Some(remains) = remains else { return };
    setup.vault.sign_as_device(&identity, &[7; 32]).unwrap();
    setup.vault = setup.bench.vault();
    for _ in 0..2 {
        setup.vault.clear(&remains).unwrap();
    }
    let signed = setup.vault.sign_as_device(&identity, &[7; 32]);
    assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
    let refused = setup.vault.create_identity(&mut not_noted).err();
    assert!(
        matches!(refused, Some(VaultError::Fault { .. })),
        "{refused:?}"
    );
    assert_eq!(setup.try_pin(PINS[0]), ACCEPTED);
}

fn not_noted(_: Remains) -> Result<(), VaultError> {
    Err(VaultError::Fault {
        detail: "the disk is full".to_owned(),
        source: None,
    })
}

fn enrol(vault: &mut dyn Vault, note: &mut Note<'_>) -> Result<EnrolledShare, VaultError> {
    let purpose = KeyPurpose::Signing;
    let enrolment = ShareEnrolment {
        reference: PolicyReference {
            document_number: "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            purpose,
        },
        release_key: Authority::new().point(),
        purpose,
    };
    vault.enrol(&enrolment, &pin(PINS[1]), note)
}
