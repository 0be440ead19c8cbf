//! `/etc/symbolon/daemon.toml`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use http::Uri;
use serde::Deserialize;

/// The daemon's configuration.
///
/// ```toml
/// tcti = "device:/dev/tpmrm0"
///
/// [[service]]
/// name = "example"
/// url = "https://id.example.org:8443"
/// ca = "/etc/symbolon/example-ca.pem"
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which TPM, in the words of the TPM2 software stack.
    #[serde(default = "default_tcti")]
    pub tcti: String,
    /// Where accounts are kept; by default systemd's `$STATE_DIRECTORY`, else `/var/lib/symbolon`.
    pub state_directory: Option<PathBuf>,
    /// The systemd credential that holds the TPM's owner password, where one is set.
    #[serde(default = "default_owner_password_credential")]
    pub owner_password_credential: String,
    /// The PKCS#11 token that holds the key shares, in the place of the TPM.
    pub token: Option<TokenConfig>,
    /// A D-Bus address; by default the system bus.
    pub bus: Option<String>,
    /// The services on which accounts may be made.
    #[serde(default, rename = "service")]
    pub services: Vec<ServiceConfig>,
}

/// A PKCS#11 token: by `uri` (RFC 7512), or by `module` and one or more of the three that follow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Names module and token, and perhaps the file with the PIN.
    pub uri: Option<String>,
    /// The module, a shared library.
    pub module: Option<PathBuf>,
    /// The token's label or serial number.
    pub token: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The number of its slot.
    pub slot: Option<u64>,
    /// What the module is told when it is started, in words of its own (`pReserved` of
    /// `C_Initialize`), for one that wants to be.
    pub init_reserved: Option<String>,
    /// A file with the token's PIN, readable by the daemon alone. The systemd credential
    /// `token-pin` goes before it.
    pub pin_file: Option<PathBuf>,
    /// Whether to wait for `symbolon unlock` where there is neither credential nor file.
    #[serde(default)]
    pub ask_pin: bool,
    /// Who may do that besides root: names of users.
    #[serde(default)]
    pub unlock_users: Vec<String>,
    /// Seconds after which a call of the token is given up. Opening it and making keys may take
    /// twelve times as long.
    #[serde(default = "default_deadline_seconds")]
    pub deadline_seconds: NonZeroU32,
}

/// One co-signing service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// How accounts and people refer to it; never changed once accounts exist.
    pub name: String,
    /// Where its device API is: `https://host[:port]`.
    pub url: String,
    /// The PEM file with the certificate authorities that may vouch for it. No others are trusted.
    pub ca: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {detail}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|detail| ConfigError::Wrong {
            path: path.to_owned(),
            detail,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (place, service) in config.services.iter().enumerate() {
            service.check()?;
            if config.services[..place]
                .iter()
                .any(|earlier| earlier.name == service.name)
            {
                return Err(format!("two services are named {:?}", service.name));
            }
        }
        Ok(config)
    }

    /// Where accounts are kept.
    pub fn state_directory(&self) -> PathBuf {
        self.state_directory
            .clone()
            .or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("/var/lib/symbolon"))
    }
}

impl ServiceConfig {
    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || self.name.len() > 64 {
            return Err("a service's name has 1 to 64 characters".to_owned());
        }
        let uri: Uri = self
            .url
            .parse()
            .map_err(|error| format!("service {:?}: the url is malformed: {error}", self.name))?;
        if uri.scheme_str() != Some("https") || uri.host().is_none() {
            return Err(format!(
                "service {:?}: the url must begin with https:// and name a host",
                self.name
            ));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!(
                "service {:?}: the url must not have a path",
                self.name
            ));
        }
        Ok(())
    }
}

fn default_deadline_seconds() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
}

fn default_tcti() -> String {
    "device:/dev/tpmrm0".to_owned()
}

fn default_owner_password_credential() -> String {
    "tpm-owner".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_means_the_machines_tpm_and_no_service() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.tcti, "device:/dev/tpmrm0");
        assert_eq!(config.owner_password_credential, "tpm-owner");
        assert!(config.services.is_empty());
        assert_eq!(config.token, None);
    }

    #[test]
    fn a_token_is_named_by_a_section_of_its_own() {
        let config = Config::parse("[token]\nuri = 'pkcs11:token=a?module-path=/m.so'\n").unwrap();
        assert_eq!(config.token.unwrap().deadline_seconds.get(), 10);
        assert!(Config::parse("[token]\nmodule = '/m.so'\npin = '1'\n").is_err());
    }

    #[test]
    fn the_packaged_file_is_read_as_it_stands_and_with_its_example() {
        let packaged = include_str!("../../packaging/etc/daemon.toml");
        assert!(Config::parse(packaged).unwrap().services.is_empty());
        let with_example = packaged
            .replace("# [[service]]", "[[service]]")
            .replace("# name = ", "name = ")
            .replace("# url = ", "url = ")
            .replace("# ca = ", "ca = ");
        let config = Config::parse(&with_example).unwrap();
        assert_eq!(config.services[0].name, "main");
    }

    #[test]
    fn a_service_must_be_https_and_unique() {
        let service = |name: &str, url: &str| {
            format!("[[service]]\nname = {name:?}\nurl = {url:?}\nca = \"/ca.pem\"\n")
        };
        assert!(Config::parse(&service("a", "https://id.example.org:8443")).is_ok());
        assert!(Config::parse(&service("a", "https://[::1]:8443/")).is_ok());
        for wrong in [
            service("a", "http://id.example.org"),
            service("a", "https://id.example.org/path"),
            service("", "https://id.example.org"),
            service("a", "https://a.example.org") + &service("a", "https://b.example.org"),
            "pin = 1".to_owned(),
        ] {
            assert!(Config::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
