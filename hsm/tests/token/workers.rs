//! Opening a token, and the worker threads on it.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use symbolon_hsm::{Curve, Hsm, HsmError, PoolSize, SigningKey, TokenAddress};

use crate::softhsm::{LABEL, PIN, with_token};
use crate::support::{PATIENCE, POOL, SIGNING, WRAPPING, address, open, pin, run, share_signs};

#[test]
fn what_is_missing_is_named() {
    with_token("workers::what_is_missing_is_named", |house| {
        let no_module = TokenAddress {
            module: house.folder().join("none.so"),
            ..address(house, LABEL)
        };
        assert!(matches!(
            Hsm::open(no_module, pin(PIN), POOL, PATIENCE),
            Err(HsmError::ModuleMissing { .. })
        ));
        let error = Hsm::open(address(house, "other"), pin(PIN), POOL, PATIENCE).unwrap_err();
        assert!(matches!(error, HsmError::TokenMissing { .. }), "{error}");
        assert!(error.to_string().contains(LABEL), "{error}");
        assert_eq!(open(house).missing_mechanisms().unwrap(), []);
    });
}

#[test]
fn two_tokens_of_one_label_are_told_apart_by_serial_number() {
    with_token(
        "workers::two_tokens_of_one_label_are_told_apart_by_serial_number",
        |house| {
            house.add(LABEL, PIN);
            assert!(matches!(
                Hsm::open(address(house, LABEL), pin(PIN), POOL, PATIENCE),
                Err(HsmError::TokenAmbiguous { .. })
            ));
            let pkcs11 = Pkcs11::new(house.module()).unwrap();
            let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
            pkcs11.initialize(locking).unwrap();
            let slot = pkcs11.get_slots_with_token().unwrap()[0];
            let serial = pkcs11
                .get_token_info(slot)
                .unwrap()
                .serial_number()
                .to_owned();
            assert!(Hsm::open(address(house, &serial), pin(PIN), POOL, PATIENCE).is_ok());
        },
    );
}

#[test]
fn a_wrong_pin_costs_one_try() {
    with_token("workers::a_wrong_pin_costs_one_try", |house| {
        let wrong = pin("12345");
        let result = Hsm::open(address(house, LABEL), wrong.clone(), POOL, PATIENCE);
        assert!(matches!(result, Err(HsmError::PinWrong)), "{result:?}");
        assert_eq!(wrong.1.load(Ordering::SeqCst), 1);
        let right = pin(PIN);
        Hsm::open(address(house, LABEL), right.clone(), POOL, PATIENCE).unwrap();
        assert_eq!(right.1.load(Ordering::SeqCst), 1, "one login serves all");
    });
}

#[test]
fn a_full_queue_is_busy_and_not_broken() {
    with_token("workers::a_full_queue_is_busy_and_not_broken", |house| {
        let hsm = open(house);
        hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
        let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
        let no_room = PoolSize {
            workers: 1,
            waiting: 0,
        };
        let full = Hsm::open(address(house, LABEL), pin(PIN), no_room, PATIENCE).unwrap();
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
        "workers::many_at_once_are_served_each_with_its_own_answer",
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
