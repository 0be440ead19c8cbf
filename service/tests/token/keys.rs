//! The service's keys.

use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use symbolon_service::keys::{HsmConfig, HsmError, KeysError, Made, ServiceKeys};

use crate::configuration::{hsm, run};
use crate::softhsm::{LABEL, PIN, with_token};

#[test]
fn are_made_once_and_found_again() {
    with_token("keys::are_made_once_and_found_again", |house| {
        let error = ServiceKeys::open(&hsm(house)).unwrap_err();
        assert!(matches!(error, KeysError::NotInitialised(_)), "{error}");
        let (first, made) = ServiceKeys::make(&hsm(house)).unwrap();
        assert_eq!(made.len(), 5);
        assert!(made.iter().all(|key| key.made == Made::Now));
        let (second, made) = ServiceKeys::make(&hsm(house)).unwrap();
        assert!(made.iter().all(|key| key.made == Made::Before));
        assert_eq!(first.release_key_point(), second.release_key_point());
        let opened = ServiceKeys::open(&hsm(house)).unwrap();
        assert_eq!(first.tls_server_point(), opened.tls_server_point());
    });
}

#[test]
fn sign_releases_and_make_halves_of_signatures() {
    with_token(
        "keys::sign_releases_and_make_halves_of_signatures",
        |house| {
            let (keys, _) = ServiceKeys::make(&hsm(house)).unwrap();
            run(async {
                let digest: [u8; 32] = Sha256::digest(b"nonce and what follows").into();
                let signature = keys.sign_release(&digest).await.unwrap();
                VerifyingKey::from_sec1_bytes(&keys.release_key_point())
                    .unwrap()
                    .verify_prehash(&digest, &Signature::from_slice(&signature).unwrap())
                    .unwrap();

                let share = keys.generate_share().await.unwrap();
                let mut message = [0x5a; 256];
                message[0] = 0;
                let half = keys.half_signature(&share.wrapped, &message).await.unwrap();
                let back = BigUint::from_bytes_be(half.as_slice()).modpow(
                    &BigUint::from(65537_u32),
                    &BigUint::from_bytes_be(&share.modulus),
                );
                assert_eq!(back, BigUint::from_bytes_be(&message));

                let damaged = keys.half_signature(&share.modulus, &message).await;
                assert!(matches!(
                    damaged,
                    Err(KeysError::Token(HsmError::WrappedShareDamaged(_)))
                ));
                assert!(keys.half_signature(&share.wrapped, &[1]).await.is_err());
            });
        },
    );
}

#[test]
fn a_token_is_opened_by_its_uri_alone() {
    with_token("keys::a_token_is_opened_by_its_uri_alone", |house| {
        house.add("other", PIN);
        let uri = |token: &str| -> HsmConfig {
            toml::from_str(&format!(
                "uri = 'pkcs11:token={token};manufacturer=SoftHSM%20project?module-path={}&\
                 pin-source=file:{}'",
                house.module().display(),
                house.folder().join("pin").display()
            ))
            .unwrap()
        };
        ServiceKeys::make(&hsm(house)).unwrap();
        ServiceKeys::open(&uri(LABEL)).unwrap();
        let error = ServiceKeys::open(&uri("other")).unwrap_err();
        assert!(matches!(error, KeysError::NotInitialised(_)), "{error}");
        let error = ServiceKeys::open(&uri("third")).unwrap_err();
        assert!(error.to_string().contains("label `third`"), "{error}");
    });
}
