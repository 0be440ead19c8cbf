//! Named keys and wrapped shares.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384};
use symbolon_hsm::{Curve, HsmError, KeyLabel, Made};

use crate::softhsm::{LABEL, PIN, TokenHouse, with_token};
use crate::support::{SIGNING, WRAPPING, message, open, run, share_signs};

/// The token as anybody with the PIN sees it, past our own code.
fn bare_session(house: &TokenHouse) -> Session {
    let pkcs11 = Pkcs11::new(house.module()).unwrap();
    // It runs already: the process has one module.
    let _ = pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slot = pkcs11
        .get_slots_with_token()
        .unwrap()
        .into_iter()
        .find(|slot| pkcs11.get_token_info(*slot).unwrap().label() == LABEL)
        .unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
    session
}

#[test]
fn signing_keys_are_made_once_and_sign() {
    with_token("keys::signing_keys_are_made_once_and_sign", |house| {
        let hsm = open(house);
        for made in [Made::Now, Made::Before] {
            assert_eq!(hsm.make_signing_key(SIGNING, Curve::P256).unwrap(), made);
        }
        let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
        let digest = Sha256::digest(b"release");
        let signature = run(hsm.sign(&key, &digest)).unwrap();
        p256::ecdsa::VerifyingKey::from_sec1_bytes(key.point())
            .unwrap()
            .verify_prehash(
                &digest,
                &p256::ecdsa::Signature::from_slice(&signature).unwrap(),
            )
            .unwrap();

        let authority = KeyLabel("authority");
        hsm.make_signing_key(authority, Curve::P384).unwrap();
        let key = hsm.signing_key(authority, Curve::P384).unwrap();
        let digest = Sha384::digest(b"certificate");
        let signature = hsm.sign_blocking(&key, &digest).unwrap();
        p384::ecdsa::VerifyingKey::from_sec1_bytes(key.point())
            .unwrap()
            .verify_prehash(
                &digest,
                &p384::ecdsa::Signature::from_slice(&signature).unwrap(),
            )
            .unwrap();
    });
}

#[test]
fn a_key_is_found_by_label_and_curve_or_not_at_all() {
    with_token(
        "keys::a_key_is_found_by_label_and_curve_or_not_at_all",
        |house| {
            let hsm = open(house);
            hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
            assert!(matches!(
                hsm.signing_key(SIGNING, Curve::P384),
                Err(HsmError::KeyMissing(_))
            ));
            assert!(matches!(
                hsm.signing_key(KeyLabel("other"), Curve::P256),
                Err(HsmError::KeyMissing(_))
            ));
            assert!(matches!(
                hsm.expect_wrapping_key(WRAPPING),
                Err(HsmError::KeyMissing(_))
            ));
        },
    );
}

#[test]
fn keys_never_leave_and_the_wrapping_key_only_wraps() {
    with_token(
        "keys::keys_never_leave_and_the_wrapping_key_only_wraps",
        |house| {
            let hsm = open(house);
            hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
            assert_eq!(hsm.make_wrapping_key(WRAPPING).unwrap(), Made::Now);
            assert_eq!(hsm.make_wrapping_key(WRAPPING).unwrap(), Made::Before);
            let session = bare_session(house);
            for class in [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY] {
                let keys = session.find_objects(&[Attribute::Class(class)]).unwrap();
                assert_eq!(keys.len(), 1, "{class:?}");
                let attributes = session
                    .get_attributes(
                        keys[0],
                        &[
                            AttributeType::Private,
                            AttributeType::Sensitive,
                            AttributeType::AlwaysSensitive,
                            AttributeType::NeverExtractable,
                            AttributeType::Extractable,
                        ],
                    )
                    .unwrap();
                assert_eq!(
                    format!("{attributes:?}"),
                    "[Private(true), Sensitive(true), AlwaysSensitive(true), \
                     NeverExtractable(true), Extractable(false)]"
                );
            }
            // Whoever could decrypt with it could read every share in the store.
            let wrapping = session
                .find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])
                .unwrap()[0];
            assert!(
                session
                    .update_attributes(wrapping, &[Attribute::Decrypt(true)])
                    .is_err()
            );
            let attributes = session
                .get_attributes(
                    wrapping,
                    &[
                        AttributeType::Decrypt,
                        AttributeType::Encrypt,
                        AttributeType::Sign,
                    ],
                )
                .unwrap();
            assert_eq!(
                format!("{attributes:?}"),
                "[Decrypt(false), Encrypt(false), Sign(false)]"
            );
        },
    );
}

#[test]
fn a_wrapped_share_signs_and_leaves_nothing_behind() {
    with_token(
        "keys::a_wrapped_share_signs_and_leaves_nothing_behind",
        |house| {
            let hsm = open(house);
            hsm.make_wrapping_key(WRAPPING).unwrap();
            run(async {
                let first = hsm.generate_share(WRAPPING).await.unwrap();
                let second = hsm.generate_share(WRAPPING).await.unwrap();
                assert_ne!(first.modulus, second.modulus);
                for number in 0..4 {
                    share_signs(&hsm, &first, number).await;
                    share_signs(&hsm, &second, number).await;
                }
                // Another start of the service, on the same token.
                share_signs(&open(house), &first, 9).await;
            });
            let session = bare_session(house);
            for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
                assert!(
                    session
                        .find_objects(&[Attribute::Class(class)])
                        .unwrap()
                        .is_empty()
                );
            }
        },
    );
}

#[test]
fn a_damaged_or_foreign_share_is_told_from_a_broken_token() {
    with_token(
        "keys::a_damaged_or_foreign_share_is_told_from_a_broken_token",
        |house| {
            let hsm = open(house);
            hsm.make_wrapping_key(WRAPPING).unwrap();
            let foreign = KeyLabel("foreign");
            hsm.make_wrapping_key(foreign).unwrap();
            run(async {
                let share = hsm.generate_share(WRAPPING).await.unwrap();
                let foreign = hsm.generate_share(foreign).await.unwrap();
                let mut flipped = share.wrapped.clone();
                flipped[100] ^= 1;
                let truncated = share.wrapped[..share.wrapped.len() - 8].to_vec();
                for wrapped in [flipped, truncated, foreign.wrapped, Vec::new()] {
                    let result = hsm
                        .raw_rsa_with_wrapped(WRAPPING, wrapped, message(1))
                        .await;
                    assert!(
                        matches!(result, Err(HsmError::WrappedShareDamaged(_))),
                        "{result:?}"
                    );
                }
                share_signs(&hsm, &share, 1).await;
            });
        },
    );
}
