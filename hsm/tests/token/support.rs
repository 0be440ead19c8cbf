//! What the tests of the token share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use num_bigint::BigUint;
use symbolon_hsm::{
    Hsm, HsmError, KeyLabel, Patience, PinSource, PoolSize, TokenAddress, TokenName, TokenPin,
    WrappedShare,
};
use zeroize::Zeroizing;

use crate::softhsm::{LABEL, PIN, TokenHouse};

pub(crate) const WRAPPING: KeyLabel = KeyLabel("wrapping");
pub(crate) const SIGNING: KeyLabel = KeyLabel("signing");
pub(crate) const POOL: PoolSize = PoolSize {
    workers: 2,
    waiting: 64,
};

pub(crate) const PATIENCE: Patience = Patience {
    signing: Duration::from_secs(20),
    making: Duration::from_secs(120),
};

/// A PIN that is asked for, and how often it was.
pub(crate) struct CountedPin(&'static str, pub(crate) AtomicUsize);

impl PinSource for CountedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        TokenPin::from_octets(Zeroizing::new(self.0.as_bytes().to_vec()))
    }
}

pub(crate) fn pin(text: &'static str) -> Arc<CountedPin> {
    Arc::new(CountedPin(text, AtomicUsize::new(0)))
}

pub(crate) fn address(house: &TokenHouse, token: &str) -> TokenAddress {
    TokenAddress {
        module: house.module().into(),
        token: TokenName::LabelOrSerial(token.into()),
        init_reserved: None,
    }
}

pub(crate) fn open(house: &TokenHouse) -> Hsm {
    Hsm::open(address(house, LABEL), pin(PIN), POOL, PATIENCE).unwrap()
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(future)
}

/// `s^65537 mod n`, as long as the modulus.
pub(crate) fn verified(modulus: &[u8], signature: &[u8]) -> Vec<u8> {
    let power = BigUint::from_bytes_be(signature)
        .modpow(&BigUint::from(65537_u32), &BigUint::from_bytes_be(modulus));
    let octets = power.to_bytes_be();
    [vec![0; modulus.len() - octets.len()], octets].concat()
}

pub(crate) fn message(number: u8) -> Vec<u8> {
    let mut message = vec![number; 256];
    message[0] = 0x3c;
    message
}

pub(crate) async fn share_signs(hsm: &Hsm, share: &WrappedShare, number: u8) {
    let signature = hsm
        .raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), message(number))
        .await
        .unwrap();
    assert_eq!(verified(&share.modulus, &signature), message(number));
}
