//! Which token is meant, and which of those present that is.

use std::ffi::CString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::HsmError;
use crate::uri::Pkcs11Uri;

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAddress {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The token among those of the module.
    pub token: TokenName,
    /// What the module is told when it is started, in words of its own (`pReserved` of
    /// `CK_C_INITIALIZE_ARGS`). NSS wants to know so where its database is.
    pub init_reserved: Option<CString>,
}

/// How a token is told from the others of its module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenName {
    /// Its serial number, or its label if no serial number is that.
    LabelOrSerial(String),
    /// All that is said of it must fit, and must fit one token alone.
    Described(TokenDescription),
}

/// What is known of a token. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDescription {
    /// Its label.
    pub label: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The number of its slot. Some modules number slots anew at each start.
    pub slot: Option<u64>,
}

/// A token as its module describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Its label, without the padding.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
}

/// A slot with a token in it. Some modules describe some tokens so badly that nothing can be read:
/// such a one is found by its slot's number alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) slot: u64,
    pub(crate) facts: Option<TokenFacts>,
}

impl TokenName {
    /// Which of the present tokens it is.
    pub(crate) fn choose<'a>(&self, present: &'a [Present]) -> Result<&'a Present, HsmError> {
        let fitting: Vec<_> = match self {
            Self::LabelOrSerial(name) => {
                let by = |fact: fn(&TokenFacts) -> &String| -> Vec<_> {
                    let fits = |one: &&Present| one.facts.as_ref().is_some_and(|f| fact(f) == name);
                    present.iter().filter(fits).collect()
                };
                match by(|facts| &facts.serial) {
                    none if none.is_empty() => by(|facts| &facts.label),
                    found => found,
                }
            }
            Self::Described(description) => {
                present.iter().filter(|one| description.fits(one)).collect()
            }
        };
        match fitting[..] {
            [one] => Ok(one),
            [] => Err(HsmError::TokenMissing {
                name: self.to_string(),
                present: list(present),
            }),
            _ => Err(HsmError::TokenAmbiguous {
                name: self.to_string(),
            }),
        }
    }
}

impl TokenDescription {
    /// What a URI says of a token.
    pub fn of_uri(uri: &Pkcs11Uri) -> Self {
        Self {
            label: uri.token.clone(),
            serial: uri.serial.clone(),
            manufacturer: uri.manufacturer.clone(),
            model: uri.model.clone(),
            slot: uri.slot_id,
        }
    }

    /// Whether nothing is said: then any token would do, and that is never meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn fits(&self, one: &Present) -> bool {
        let fits = |wanted: &Option<String>, fact: fn(&TokenFacts) -> &String| {
            wanted
                .as_ref()
                .is_none_or(|wanted| one.facts.as_ref().is_some_and(|f| fact(f) == wanted))
        };
        self.slot.is_none_or(|slot| slot == one.slot)
            && fits(&self.label, |facts| &facts.label)
            && fits(&self.serial, |facts| &facts.serial)
            && fits(&self.manufacturer, |facts| &facts.manufacturer)
            && fits(&self.model, |facts| &facts.model)
    }
}

impl std::fmt::Display for TokenName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let description = match self {
            Self::LabelOrSerial(name) => return write!(f, "`{name}`"),
            Self::Described(description) => description,
        };
        let slot = description.slot.map(|slot| slot.to_string());
        let said = [
            ("label", description.label.as_ref()),
            ("serial number", description.serial.as_ref()),
            ("manufacturer", description.manufacturer.as_ref()),
            ("model", description.model.as_ref()),
            ("slot", slot.as_ref()),
        ];
        let parts: Vec<_> = said
            .into_iter()
            .filter_map(|(what, value)| value.map(|value| format!("{what} `{value}`")))
            .collect();
        f.write_str(&parts.join(", "))
    }
}

fn list(present: &[Present]) -> String {
    let parts: Vec<_> = present
        .iter()
        .map(|one| match &one.facts {
            Some(facts) => format!(
                "`{}` (serial number {}, slot {})",
                facts.label, facts.serial, one.slot
            ),
            None => format!("one that cannot be described (slot {})", one.slot),
        })
        .collect();
    match parts.is_empty() {
        true => "none".to_owned(),
        false => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(slot: u64, label: &str, serial: &str) -> Present {
        Present {
            slot,
            facts: Some(TokenFacts {
                label: label.into(),
                serial: serial.into(),
                manufacturer: "Maker".into(),
                model: "v2".into(),
            }),
        }
    }

    fn described(change: impl FnOnce(&mut TokenDescription)) -> TokenName {
        let mut description = TokenDescription::default();
        change(&mut description);
        TokenName::Described(description)
    }

    #[test]
    fn the_one_that_is_meant_is_chosen_and_no_other() {
        let named = |name: &str| TokenName::LabelOrSerial(name.into());
        let present = [
            token(7, "a", "01"),
            token(8, "b", "02"),
            token(9, "b", "03"),
            // Labelled like another's serial number.
            token(10, "01", "04"),
            Present {
                slot: 11,
                facts: None,
            },
        ];
        for (name, slot) in [
            (named("a"), Some(7)),
            (named("03"), Some(9)),
            (named("01"), Some(7)),
            (named("b"), None),
            (named("c"), None),
            (described(|d| d.slot = Some(8)), Some(8)),
            (described(|d| d.slot = Some(11)), Some(11)),
            (described(|d| d.slot = Some(12)), None),
            (described(|d| d.label = Some("b".into())), None),
            (
                described(|d| (d.label, d.serial) = (Some("b".into()), Some("02".into()))),
                Some(8),
            ),
            (
                described(|d| (d.label, d.serial) = (Some("a".into()), Some("02".into()))),
                None,
            ),
            (described(|d| d.manufacturer = Some("Maker".into())), None),
            (
                described(|d| (d.model, d.slot) = (Some("v2".into()), Some(10))),
                Some(10),
            ),
            (
                described(|d| (d.model, d.slot) = (Some("v3".into()), Some(10))),
                None,
            ),
        ] {
            let chosen = name.choose(&present).ok().map(|one| one.slot);
            assert_eq!(chosen, slot, "{name}");
        }
    }

    #[test]
    fn who_finds_nothing_is_told_what_there_is() {
        let error = TokenName::LabelOrSerial("c".into())
            .choose(&[token(7, "a", "01")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("`c`") && error.contains("`a` (serial number 01, slot 7)"));
    }
}
