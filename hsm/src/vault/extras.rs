//! What a token may offer beyond what a vault needs: it is used where that helps a person, and told
//! either way. Why so: `docs/decisions/0047`.

use cryptoki::object::{Attribute, ObjectClass};
use serde::{Deserialize, Serialize};
use symbolon_vault::{Bearing, Finding};

use super::examination::{lacking, make_a_share_that_asks};
use crate::error::HsmError;
use crate::login::OwnPin;
use crate::session::TokenSession;

/// What was found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Extras {
    /// Why it has no keys for each use of which it asks again, if so.
    not_asking_again: Option<String>,
    has_counter: bool,
}

pub(super) fn examine(session: &TokenSession) -> Result<Extras, HsmError> {
    Ok(Extras {
        // Few tokens were ever asked this: one that fails at it has none.
        has_counter: has_counter(session).unwrap_or(false),
        not_asking_again: lacking(make_a_share_that_asks(session))?,
    })
}

/// Features are found by those alone who ask for their class (PKCS#11 2.40 section 4.3).
fn has_counter(session: &TokenSession) -> Result<bool, HsmError> {
    let features = [Attribute::Class(ObjectClass::HARDWARE_FEATURE)];
    for feature in session.pkcs11().find_objects(&features)? {
        let calls = session.token().calls();
        if calls.is_monotonic_counter(session.pkcs11(), feature)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Extras {
    /// Whether a share that is made here is to be one for each use of which the token asks.
    pub(super) fn asks_again(&self) -> bool {
        self.not_asking_again.is_none()
    }

    pub(super) fn findings(&self) -> [Finding; 2] {
        let extra = |property: &str, holds, detail: String| Finding {
            property: property.to_owned(),
            holds,
            bearing: Bearing::Extra,
            detail,
        };
        [
            extra(
                "it asks for its PIN at each use of a key share (CKA_ALWAYS_AUTHENTICATE)",
                self.asks_again(),
                match &self.not_asking_again {
                    None => "tried; shares that are made here are such ones, so that a program \
                             that shares the login of symbolond cannot use them"
                        .to_owned(),
                    Some(why) => format!(
                        "{why}; on a token whose login is not each program's own, others can use \
                         its shares while symbolond runs"
                    ),
                },
            ),
            extra(
                "it has a counter in hardware (CKH_MONOTONIC_COUNTER)",
                self.has_counter,
                match self.has_counter {
                    true => {
                        "not relied on, for it counts its own readers; entries are counted by an \
                         object, and the service notices one that was set back"
                    }
                    false => {
                        "none was found; entries are counted by an object, and the service \
                         notices one that was set back"
                    }
                }
                .to_owned(),
            ),
        ]
    }
}

/// What a token says of its own PIN. It cannot be asked whether wrong ones lock it.
pub(super) fn own_pin_finding(own_pin: OwnPin) -> Finding {
    let (holds, detail) = match own_pin {
        OwnPin::Untried => (
            true,
            "it tells of no wrong one; where it counts them, symbolond never spends the last try",
        ),
        OwnPin::Mistyped => (
            true,
            "it tells of wrong ones since the last right one; symbolond never spends the last try",
        ),
        OwnPin::LastTry => (
            false,
            "one more wrong one locks it; symbolond does not log in anew until a right one was \
             entered by hand (`pkcs11-tool --login --list-objects`)",
        ),
        OwnPin::Locked => (false, "it is locked; its security officer must unlock it"),
    };
    Finding {
        property: "its own PIN can be entered".to_owned(),
        holds,
        bearing: Bearing::Expected,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_that_is_close_to_a_lock_is_said_to_be() {
        for (own_pin, holds, says) in [
            (OwnPin::Untried, true, "no wrong one"),
            (OwnPin::Mistyped, true, "wrong ones since"),
            (OwnPin::LastTry, false, "one more wrong one"),
            (OwnPin::Locked, false, "security officer"),
        ] {
            let finding = own_pin_finding(own_pin);
            assert_eq!(finding.holds, holds, "{own_pin:?}");
            assert!(finding.detail.contains(says), "{finding:?}");
        }
    }
}
