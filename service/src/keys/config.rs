//! The `[hsm]` section of the configuration.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use serde::Deserialize;
use symbolon_hsm::{TokenAddress, TokenSettings, TokenSettingsError};

/// Which token holds the service's keys, and where its PIN is. No part of it has a default that
/// could pick a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "HsmSection")]
pub struct HsmConfig {
    /// The module and the token.
    pub address: TokenAddress,
    /// A file with the token's PIN, readable by the service alone. The systemd credential
    /// `hsm-pin` goes before it.
    pub pin_file: Option<PathBuf>,
    /// Whether to ask for the PIN on the terminal where there is neither credential nor file.
    pub ask_pin: bool,
    /// Threads that use the token, each with a session. Default: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Requests that may wait for the token before more are refused. Default: 1024.
    pub waiting: Option<NonZeroUsize>,
    /// Seconds after which a call of the token is given up. Default: 10. Opening it and making
    /// keys may take twelve times as long.
    pub deadline_seconds: Option<NonZeroU32>,
    /// How many key shares the service keeps ahead of need while it serves. Default: none, so that
    /// an enrolment makes its own unless `shares generate` made some.
    pub shares_ahead: Option<NonZeroU32>,
}

/// The section as it stands in the file: a URI, or module and token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HsmSection {
    uri: Option<String>,
    module: Option<PathBuf>,
    token: Option<String>,
    serial: Option<String>,
    slot: Option<u64>,
    init_reserved: Option<String>,
    pin_file: Option<PathBuf>,
    #[serde(default)]
    ask_pin: bool,
    threads: Option<NonZeroUsize>,
    waiting: Option<NonZeroUsize>,
    deadline_seconds: Option<NonZeroU32>,
    shares_ahead: Option<NonZeroU32>,
}

impl TryFrom<HsmSection> for HsmConfig {
    type Error = TokenSettingsError;

    fn try_from(section: HsmSection) -> Result<Self, TokenSettingsError> {
        let named = TokenSettings {
            uri: section.uri,
            module: section.module,
            token: section.token,
            serial: section.serial,
            slot: section.slot,
            pin_file: section.pin_file,
            init_reserved: section.init_reserved,
        };
        let (address, pin_file) = named.resolve()?;
        Ok(Self {
            address,
            pin_file,
            ask_pin: section.ask_pin,
            threads: section.threads,
            waiting: section.waiting,
            deadline_seconds: section.deadline_seconds,
            shares_ahead: section.shares_ahead,
        })
    }
}

#[cfg(test)]
mod tests {
    use symbolon_hsm::{TokenDescription, TokenName};

    use super::*;

    fn described(change: impl FnOnce(&mut TokenDescription)) -> TokenName {
        let mut description = TokenDescription::default();
        change(&mut description);
        TokenName::Described(description)
    }

    #[test]
    fn a_token_is_named_in_each_way() {
        for (text, name) in [
            (
                "module = '/m.so'\ntoken = 'a'",
                TokenName::LabelOrSerial("a".into()),
            ),
            (
                "module = '/m.so'\nslot = 3",
                described(|d| d.slot = Some(3)),
            ),
            (
                "module = '/m.so'\nserial = '01'",
                described(|d| d.serial = Some("01".into())),
            ),
            (
                "module = '/m.so'\ntoken = 'a'\nserial = '01'",
                described(|d| (d.label, d.serial) = (Some("a".into()), Some("01".into()))),
            ),
            (
                "uri = 'pkcs11:token=a%20b;serial=01?module-path=/m.so'",
                described(|d| (d.label, d.serial) = (Some("a b".into()), Some("01".into()))),
            ),
            (
                "module = '/m.so'\nuri = 'pkcs11:slot-id=3'",
                described(|d| d.slot = Some(3)),
            ),
        ] {
            let config: HsmConfig = toml::from_str(text).unwrap();
            assert_eq!(config.address.token, name, "{text}");
            assert_eq!(config.address.module, PathBuf::from("/m.so"), "{text}");
            assert_eq!(config.pin_file, None, "{text}");
        }
    }

    #[test]
    fn the_pins_file_stands_in_the_uri_or_beside_it() {
        for text in [
            "uri = 'pkcs11:token=a?module-path=/m.so&pin-source=file:/etc/pin'",
            "uri = 'pkcs11:token=a?module-path=/m.so'\npin_file = '/etc/pin'",
        ] {
            let config: HsmConfig = toml::from_str(text).unwrap();
            assert_eq!(config.pin_file, Some("/etc/pin".into()), "{text}");
        }
    }

    #[test]
    fn what_the_module_is_told_stands_beside_either() {
        for named in [
            "uri = 'pkcs11:token=a?module-path=/m.so'",
            "module = '/m.so'\ntoken = 'a'",
        ] {
            let text = format!("{named}\ninit_reserved = \"configdir='/nss'\"");
            let config: HsmConfig = toml::from_str(&text).unwrap();
            let told = config.address.init_reserved;
            assert_eq!(told.as_deref(), Some(c"configdir='/nss'"), "{named}");
        }
    }

    #[test]
    fn what_names_no_token_or_two_is_refused() {
        for (text, part) in [
            ("module = '/m.so'", "no token is named"),
            ("module = '/m.so'\nuri = 'pkcs11:'", "no token is named"),
            ("token = 'a'", "no `module`"),
            ("uri = 'pkcs11:token=a'", "no `module`"),
            (
                "uri = 'pkcs11:token=a?module-path=/m.so'\ntoken = 'a'",
                "`token` stands beside",
            ),
            (
                "uri = 'pkcs11:token=a?module-path=/m.so'\nmodule = '/m.so'",
                "`module` stands beside",
            ),
            (
                "uri = 'pkcs11:token=a?module-path=/m.so&pin-source=/p'\npin_file = '/p'",
                "`pin_file` stands beside",
            ),
            (
                "uri = 'pkcs11:token=a;object=k?module-path=/m.so'",
                "one object by `object`",
            ),
            (
                "uri = 'pkcs11:token=a;id=%01?module-path=/m.so'",
                "one object by `id`",
            ),
            (
                "uri = 'pkcs11:token=a?module-path=/m.so&pin-value=1234'",
                "leave the PIN in the configuration",
            ),
            ("module = '/m.so'\ntoken = 'a'\npin = '1'", "unknown field"),
            (
                "module = '/m.so'\ntoken = 'a'\ninit_reserved = \"a\\u0000b\"",
                "NUL character",
            ),
        ] {
            let error = toml::from_str::<HsmConfig>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
