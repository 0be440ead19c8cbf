//! kryoptic as the service's token.

use std::sync::Arc;
use std::time::Duration;

use num_bigint::BigUint;
use symbolon_hsm::{
    Hsm, KeyLabel, Patience, PoolSize, SHARE_MODULUS_OCTETS, TokenAddress, TokenName, examine,
};

use crate::bench::FixedPin;
use crate::kryoptic::{self, PIN};
use crate::softhsm::LABEL;

const WRAPPING: KeyLabel = KeyLabel("test-wrapping");
const LONG: Duration = Duration::from_secs(120);

/// It offers key wrap with padding as `CKM_AES_KEY_WRAP_KWP` alone.
#[test]
fn s162_kryoptic_serves_by_the_newer_name_of_key_wrap_with_padding() {
    let Some(house) = kryoptic::house() else {
        return;
    };
    let address = TokenAddress {
        module: house.module().into(),
        token: TokenName::LabelOrSerial(LABEL.into()),
        init_reserved: None,
    };
    let pins = Arc::new(FixedPin(PIN));
    let examination = examine(address.clone(), pins.clone(), 3, LONG).unwrap();
    assert!(examination.is_fit(), "{examination:#?}");

    let size = PoolSize {
        workers: 2,
        waiting: 8,
    };
    let patience = Patience {
        signing: LONG,
        making: LONG,
    };
    let hsm = Hsm::open(address, pins, size, patience).unwrap();
    assert_eq!(hsm.missing_mechanisms().unwrap(), []);
    hsm.make_wrapping_key(WRAPPING).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        for _ in 0..4 {
            let share = hsm.generate_share(WRAPPING).await.unwrap();
            let mut message = vec![0x5a; SHARE_MODULUS_OCTETS];
            message[0] = 0;
            let signed = hsm
                .raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), message.clone())
                .await
                .unwrap();
            let number = BigUint::from_bytes_be;
            let opened = number(&signed).modpow(&65537_u32.into(), &number(&share.modulus));
            assert_eq!(opened, number(&message));
        }
    });
}
