//! Keys and shares on a real SoftHSM2 token.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod softhsm;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384};
use softhsm::{LABEL, PIN, TokenHouse, with_token};
use symbolon_hsm::{
    Curve, Hsm, HsmError, KeyLabel, Made, PinSource, PoolSize, SigningKey, TokenAddress, TokenPin,
    WrappedShare,
};
use zeroize::Zeroizing;

const WRAPPING: KeyLabel = KeyLabel("wrapping");
const SIGNING: KeyLabel = KeyLabel("signing");
const POOL: PoolSize = PoolSize {
    workers: 2,
    waiting: 64,
};

/// A PIN that is asked for, and how often it was.
struct CountedPin(&'static str, AtomicUsize);

impl PinSource for CountedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        TokenPin::from_octets(Zeroizing::new(self.0.as_bytes().to_vec()))
    }
}

fn pin(text: &'static str) -> Arc<CountedPin> {
    Arc::new(CountedPin(text, AtomicUsize::new(0)))
}

fn address(house: &TokenHouse, token: &str) -> TokenAddress {
    TokenAddress {
        module: house.module().into(),
        token: token.into(),
    }
}

fn open(house: &TokenHouse) -> Hsm {
    Hsm::open(address(house, LABEL), pin(PIN), POOL).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(future)
}

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

/// `s^65537 mod n`, as long as the modulus.
fn verified(modulus: &[u8], signature: &[u8]) -> Vec<u8> {
    let power = BigUint::from_bytes_be(signature)
        .modpow(&BigUint::from(65537_u32), &BigUint::from_bytes_be(modulus));
    let octets = power.to_bytes_be();
    [vec![0; modulus.len() - octets.len()], octets].concat()
}

fn message(number: u8) -> Vec<u8> {
    let mut message = vec![number; 256];
    message[0] = 0x3c;
    message
}

async fn share_signs(hsm: &Hsm, share: &WrappedShare, number: u8) {
    let signature = hsm
        .raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), message(number))
        .await
        .unwrap();
    assert_eq!(verified(&share.modulus, &signature), message(number));
}

#[test]
fn signing_keys_are_made_once_and_sign() {
    with_token("signing_keys_are_made_once_and_sign", |house| {
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
    with_token("a_key_is_found_by_label_and_curve_or_not_at_all", |house| {
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
    });
}

#[test]
fn keys_never_leave_and_the_wrapping_key_only_wraps() {
    with_token(
        "keys_never_leave_and_the_wrapping_key_only_wraps",
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
    with_token("a_wrapped_share_signs_and_leaves_nothing_behind", |house| {
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
    });
}

#[test]
fn a_damaged_or_foreign_share_is_told_from_a_broken_token() {
    with_token(
        "a_damaged_or_foreign_share_is_told_from_a_broken_token",
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

#[test]
fn what_is_missing_is_named() {
    with_token("what_is_missing_is_named", |house| {
        let no_module = TokenAddress {
            module: house.folder().join("none.so"),
            token: LABEL.into(),
        };
        assert!(matches!(
            Hsm::open(no_module, pin(PIN), POOL),
            Err(HsmError::ModuleMissing { .. })
        ));
        let error = Hsm::open(address(house, "other"), pin(PIN), POOL).unwrap_err();
        assert!(matches!(error, HsmError::TokenMissing { .. }), "{error}");
        assert!(error.to_string().contains(LABEL), "{error}");
        assert_eq!(open(house).missing_mechanisms().unwrap(), []);
    });
}

#[test]
fn two_tokens_of_one_label_are_told_apart_by_serial_number() {
    with_token(
        "two_tokens_of_one_label_are_told_apart_by_serial_number",
        |house| {
            house.add(LABEL, PIN);
            assert!(matches!(
                Hsm::open(address(house, LABEL), pin(PIN), POOL),
                Err(HsmError::TokenAmbiguous { .. })
            ));
            let pkcs11 = Pkcs11::new(house.module()).unwrap();
            let slot = pkcs11.get_slots_with_token().unwrap()[0];
            let serial = pkcs11
                .get_token_info(slot)
                .unwrap()
                .serial_number()
                .to_owned();
            assert!(Hsm::open(address(house, &serial), pin(PIN), POOL).is_ok());
        },
    );
}

#[test]
fn a_wrong_pin_costs_one_try() {
    with_token("a_wrong_pin_costs_one_try", |house| {
        let wrong = pin("12345");
        let result = Hsm::open(address(house, LABEL), wrong.clone(), POOL);
        assert!(matches!(result, Err(HsmError::PinWrong)), "{result:?}");
        assert_eq!(wrong.1.load(Ordering::SeqCst), 1);
        let right = pin(PIN);
        Hsm::open(address(house, LABEL), right.clone(), POOL).unwrap();
        assert_eq!(right.1.load(Ordering::SeqCst), 1, "one login serves all");
    });
}

#[test]
fn a_restart_of_the_module_is_survived() {
    with_token("a_restart_of_the_module_is_survived", |house| {
        let hsm = open(house);
        hsm.make_wrapping_key(WRAPPING).unwrap();
        hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
        let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
        run(async {
            let share = hsm.generate_share(WRAPPING).await.unwrap();
            for round in 0..5 {
                // All sessions, handles and the login are gone at once.
                Pkcs11::new(house.module()).unwrap().finalize().unwrap();
                let rounds = (0..8).map(|number| share_signs(&hsm, &share, 8 * round + number));
                futures_join(rounds).await;
                assert_eq!(hsm.sign_blocking(&key, &[7; 32]).unwrap().len(), 64);
                hsm.generate_share(WRAPPING).await.unwrap();
            }
        });
    });
}

#[test]
fn a_full_queue_is_busy_and_not_broken() {
    with_token("a_full_queue_is_busy_and_not_broken", |house| {
        let hsm = open(house);
        hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
        let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
        let no_room = PoolSize {
            workers: 1,
            waiting: 0,
        };
        let full = Hsm::open(address(house, LABEL), pin(PIN), no_room).unwrap();
        assert!(matches!(
            full.sign_blocking(&key, &[7; 32]),
            Err(HsmError::Busy)
        ));
        assert!(matches!(
            run(full.sign(&key, &[7; 32])),
            Err(HsmError::Busy)
        ));
    });
}

#[test]
fn many_at_once_are_served_each_with_its_own_answer() {
    with_token(
        "many_at_once_are_served_each_with_its_own_answer",
        |house| {
            let hsm = open(house);
            hsm.make_wrapping_key(WRAPPING).unwrap();
            hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
            let key: SigningKey = hsm.signing_key(SIGNING, Curve::P256).unwrap();
            run(async {
                let share = hsm.generate_share(WRAPPING).await.unwrap();
                futures_join((0..40).map(|number| {
                    let (hsm, key, share) = (&hsm, &key, &share);
                    async move {
                        if number % 4 == 0 {
                            // As a TLS handshake does it: inside the runtime, without awaiting.
                            hsm.sign_blocking(key, &[number; 32]).unwrap();
                        }
                        share_signs(hsm, share, number).await;
                    }
                }))
                .await;
            });
            let serials: HashSet<_> = (0..20)
                .map(|_| hsm.sign_blocking(&key, &[1; 32]).unwrap())
                .collect();
            assert_eq!(serials.len(), 20, "ECDSA signatures are never the same");
        },
    );
}

/// Polls all until all are done.
async fn futures_join<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match futures.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
