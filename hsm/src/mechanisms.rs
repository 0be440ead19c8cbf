//! What a token must be able to do.

use cryptoki::mechanism::{MechanismInfo, MechanismType};

use crate::error::HsmError;
use crate::token::Token;

/// A mechanism that the token lacks, or offers without what we need of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingMechanism {
    /// Its name in the PKCS#11 standard.
    pub name: &'static str,
    /// What does not work without it.
    pub needed_for: &'static str,
}

struct Need {
    mechanism: MechanismType,
    suffices: fn(&MechanismInfo) -> bool,
    missing: MissingMechanism,
}

const NEEDS: [Need; 5] = [
    Need {
        mechanism: MechanismType::RSA_PKCS_KEY_PAIR_GEN,
        suffices: |info| {
            info.generate_key_pair() && (info.min_key_size()..=info.max_key_size()).contains(&2048)
        },
        missing: MissingMechanism {
            name: "CKM_RSA_PKCS_KEY_PAIR_GEN",
            needed_for: "making RSA-2048 key shares",
        },
    },
    Need {
        mechanism: MechanismType::RSA_X_509,
        suffices: MechanismInfo::sign,
        missing: MissingMechanism {
            name: "CKM_RSA_X_509",
            needed_for: "the service's half of a signature",
        },
    },
    Need {
        mechanism: MechanismType::AES_KEY_GEN,
        suffices: MechanismInfo::generate,
        missing: MissingMechanism {
            name: "CKM_AES_KEY_GEN",
            needed_for: "the key that wraps key shares",
        },
    },
    Need {
        mechanism: MechanismType::ECC_KEY_PAIR_GEN,
        suffices: MechanismInfo::generate_key_pair,
        missing: MissingMechanism {
            name: "CKM_EC_KEY_PAIR_GEN",
            needed_for: "the certificate authority's, release and TLS keys",
        },
    },
    Need {
        mechanism: MechanismType::ECDSA,
        suffices: MechanismInfo::sign,
        missing: MissingMechanism {
            name: "CKM_ECDSA",
            needed_for: "signing certificates, releases and TLS handshakes",
        },
    },
];

/// Has two names in PKCS#11, of which cryptoki knows one (`KeyWrap`). Its place is after
/// [`NEEDS`].
const KEY_WRAP: MissingMechanism = MissingMechanism {
    name: "CKM_AES_KEY_WRAP_PAD or CKM_AES_KEY_WRAP_KWP",
    needed_for: "keeping key shares in the store",
};

/// Every mechanism that is needed, as it is reported where it is missing.
pub(crate) fn needed() -> impl Iterator<Item = MissingMechanism> {
    let named = NEEDS.iter().map(|need| need.missing);
    named.chain([KEY_WRAP])
}

/// Those at these places, as they are reported.
pub(crate) fn at(places: &[usize]) -> Vec<MissingMechanism> {
    let needed: Vec<_> = needed().collect();
    let known = places.iter().filter_map(|place| needed.get(*place));
    known.copied().collect()
}

/// Which of those the token lacks, by their places among them.
pub(crate) fn missing(token: &Token) -> Result<Vec<usize>, HsmError> {
    let wraps = token.offered_key_wrap()?.is_some();
    Ok(missing_from(&token.mechanisms()?, wraps))
}

fn missing_from(offered: &[(MechanismType, MechanismInfo)], wraps: bool) -> Vec<usize> {
    let offers = |need: &Need| {
        offered
            .iter()
            .any(|(kind, info)| *kind == need.mechanism && (need.suffices)(info))
    };
    let named = (0..NEEDS.len()).filter(|place| !offers(&NEEDS[*place]));
    named.chain((!wraps).then_some(NEEDS.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_token_lacks_everything_once() {
        let every: Vec<_> = (0..needed().count()).collect();
        assert_eq!(missing_from(&[], false), every);
        assert_eq!(at(&every), needed().collect::<Vec<_>>());
        assert_eq!(missing_from(&[], true), every[..NEEDS.len()]);
    }
}
