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

const NEEDS: [Need; 6] = [
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
        mechanism: MechanismType::AES_KEY_WRAP_PAD,
        suffices: |info| info.wrap() && info.unwrap(),
        missing: MissingMechanism {
            name: "CKM_AES_KEY_WRAP_PAD",
            needed_for: "keeping key shares in the store",
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

/// Every mechanism that is needed, as it is reported where it is missing.
pub(crate) fn needed() -> impl Iterator<Item = MissingMechanism> {
    NEEDS.iter().map(|need| need.missing)
}

/// Those at these places, as they are reported.
pub(crate) fn at(places: &[usize]) -> Vec<MissingMechanism> {
    let known = places.iter().filter_map(|place| NEEDS.get(*place));
    known.map(|need| need.missing).collect()
}

/// Which of those the token lacks, by their places among them.
pub(crate) fn missing(token: &Token) -> Result<Vec<usize>, HsmError> {
    Ok(missing_from(&token.mechanisms()?))
}

fn missing_from(offered: &[(MechanismType, MechanismInfo)]) -> Vec<usize> {
    let offers = |need: &Need| {
        offered
            .iter()
            .any(|(kind, info)| *kind == need.mechanism && (need.suffices)(info))
    };
    (0..NEEDS.len())
        .filter(|place| !offers(&NEEDS[*place]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_token_lacks_everything_once() {
        let every: Vec<_> = (0..NEEDS.len()).collect();
        assert_eq!(missing_from(&[]), every);
    }
}
