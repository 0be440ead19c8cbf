//! A token as a configuration names it: by a URI, or by module and token.

use std::ffi::CString;
use std::path::PathBuf;

use crate::address::{TokenAddress, TokenDescription, TokenName};
use crate::uri::{Pkcs11Uri, UriError};

/// What a configuration says of a token. No part of it has a default that could pick a wrong one.
#[derive(Debug, Clone, Default)]
pub struct TokenSettings {
    /// A PKCS#11 URI (RFC 7512), in the place of the rest.
    pub uri: Option<String>,
    /// The module, a shared library.
    pub module: Option<PathBuf>,
    /// The token's label or serial number.
    pub token: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The number of its slot.
    pub slot: Option<u64>,
    /// A file with its PIN.
    pub pin_file: Option<PathBuf>,
    /// What the module is told when it is started, beside whatever names the token.
    pub init_reserved: Option<String>,
}

/// Why settings name no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenSettingsError {
    /// The URI is malformed.
    #[error("`uri` is no PKCS#11 URI that can be used (RFC 7512): {0}")]
    Uri(#[from] UriError),
    /// The URI names an object, not a token.
    #[error("`uri` names one object by `{0}`; keys are found without, so leave that out")]
    UriOfObject(&'static str),
    /// A setting stands in two places.
    #[error("`{0}` stands beside `uri`; say it in one of them")]
    Twice(&'static str),
    /// The module is missing.
    #[error("no `module` is named, nor a `uri` with `module-path`")]
    NoModule,
    /// The token is missing.
    #[error("no token is named: by `token` (label or serial number), `serial`, `slot` or `uri`")]
    NoToken,
    /// C knows no such text.
    #[error("`init_reserved` has a NUL character in it, where the module would stop reading")]
    InitReserved,
}

impl TokenSettings {
    /// The token, and the file with its PIN if there is one.
    pub fn resolve(self) -> Result<(TokenAddress, Option<PathBuf>), TokenSettingsError> {
        let uri = self.uri.as_deref().map(str::parse::<Pkcs11Uri>);
        let uri = uri.transpose()?.unwrap_or_default();
        let of_object = [
            ("object", uri.object.is_some()),
            ("id", uri.id.is_some()),
            ("type", uri.object_type.is_some()),
        ];
        if let Some((attribute, _)) = of_object.iter().find(|(_, said)| *said) {
            return Err(TokenSettingsError::UriOfObject(attribute));
        }
        let address = TokenAddress {
            token: self.token_name(&uri)?,
            module: once("module", uri.module_path, self.module)?
                .ok_or(TokenSettingsError::NoModule)?,
            init_reserved: self
                .init_reserved
                .map(CString::new)
                .transpose()
                .map_err(|_| TokenSettingsError::InitReserved)?,
        };
        Ok((address, once("pin_file", uri.pin_file, self.pin_file)?))
    }

    fn token_name(&self, uri: &Pkcs11Uri) -> Result<TokenName, TokenSettingsError> {
        if self.uri.is_some() {
            let beside = [
                ("token", self.token.is_some()),
                ("serial", self.serial.is_some()),
                ("slot", self.slot.is_some()),
            ];
            if let Some((setting, _)) = beside.iter().find(|(_, said)| *said) {
                return Err(TokenSettingsError::Twice(setting));
            }
        }
        let description = match (&self.token, &self.serial, self.slot) {
            (Some(name), None, None) => return Ok(TokenName::LabelOrSerial(name.clone())),
            (None, None, None) => TokenDescription::of_uri(uri),
            (label, serial, slot) => TokenDescription {
                label: label.clone(),
                serial: serial.clone(),
                slot,
                ..TokenDescription::default()
            },
        };
        match description.is_empty() {
            true => Err(TokenSettingsError::NoToken),
            false => Ok(TokenName::Described(description)),
        }
    }
}

/// One of two places in which a setting may stand.
fn once(
    name: &'static str,
    in_uri: Option<PathBuf>,
    beside: Option<PathBuf>,
) -> Result<Option<PathBuf>, TokenSettingsError> {
    match (in_uri, beside) {
        (Some(_), Some(_)) => Err(TokenSettingsError::Twice(name)),
        (in_uri, beside) => Ok(in_uri.or(beside)),
    }
}
