//! kryoptic as the service's token.

use std::sync::Arc;
use std::time::Duration;

use symbolon_hsm::{TokenAddress, TokenName, examine};

use crate::bench::FixedPin;
use crate::kryoptic::{self, PIN};
use crate::softhsm::LABEL;

/// It offers key wrap with padding as `CKM_AES_KEY_WRAP_KWP` alone, which cryptoki has no word for.
#[test]
fn s162_kryoptic_is_refused_for_want_of_the_key_wrap_that_we_can_name() {
    let Some(house) = kryoptic::house() else {
        return;
    };
    let address = TokenAddress {
        module: house.module().into(),
        token: TokenName::LabelOrSerial(LABEL.into()),
        init_reserved: None,
    };
    let pins = Arc::new(FixedPin(PIN));
    let examination = examine(address, pins, 3, Duration::from_secs(120)).unwrap();
    assert!(!examination.is_fit());
    let lacking: Vec<_> = examination
        .abilities
        .iter()
        .filter_map(|one| {
            one.lacking
                .as_ref()
                .map(|reason| (one.name.as_str(), reason.as_str()))
        })
        .collect();
    assert_eq!(lacking.len(), 4, "{lacking:?}");
    let wrap = "the token does not offer this mechanism";
    assert_eq!(lacking[0], ("CKM_AES_KEY_WRAP_PAD", wrap));
    assert!(lacking[1].1.contains("cannot do WrapKey"), "{lacking:?}");
    assert!(
        lacking[2..]
            .iter()
            .all(|(_, reason)| reason.starts_with("not tried"))
    );
}
