//! The configuration file, `service.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use crate::certificates::CertificatesConfig;
use crate::demo::{self, DemoConfig};
use crate::keys::HsmConfig;
use crate::relying_party::limits::LimitsConfig;

/// Everything that the file can say. Unknown keys are refused, so that a misspelt one is noticed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `smart-id`, `smart-id-demo` or a name of our own: the first field of every signed payload.
    pub scheme_name: String,
    /// How long a person has to answer.
    #[serde(default = "default_session_lifetime")]
    pub session_lifetime_seconds: u64,
    /// The relying-party API.
    pub relying_party: RelyingPartyConfig,
    /// The device API.
    pub device: DeviceConfig,
    /// Where the status of certificates is told, beside the relying-party API's address.
    pub status: Option<StatusConfig>,
    /// Metrics; none are served without it.
    pub metrics: Option<MetricsConfig>,
    /// The store.
    pub store: StoreConfig,
    /// The HSM.
    pub hsm: HsmConfig,
    /// What stands in certificates.
    pub certificates: CertificatesConfig,
    /// Accounts that answer by themselves; never in production.
    pub demo: Option<DemoConfig>,
    /// Logging.
    #[serde(default)]
    pub log: LogConfig,
}

/// `[relying_party]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingPartyConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether to speak TLS here, or to leave that to a proxy in front.
    #[serde(default)]
    pub tls: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// Before every path of version 3 of the API.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Before every path of version 2 of the API, which is not served unless this is set.
    pub prefix_v2: Option<String>,
    /// How often relying parties and others may ask.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What relying parties' device links begin with, if not the host of `device.public_url`.
    pub device_link_base: Option<String>,
}

impl RelyingPartyConfig {
    /// Before every path of version 3 of the API; `/` alone for nothing.
    pub fn prefix(&self) -> String {
        from_the_root(&self.prefix)
    }

    /// Before every path of version 2 of the API, if it is served.
    pub fn prefix_v2(&self) -> Option<String> {
        self.prefix_v2.as_deref().map(from_the_root)
    }
}

fn from_the_root(prefix: &str) -> String {
    format!("/{}", prefix.trim_matches('/'))
}

/// `[device]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How devices reach it, e.g. `https://id.example.com:8443`; its host is in the certificate.
    pub public_url: String,
}

/// `[status]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusConfig {
    /// Where to listen, plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// `[metrics]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where to listen, plain HTTP; port 0 takes a free one. Without it they are beside `/health`.
    pub listen: Option<SocketAddr>,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:///var/lib/symbolon-service/service.db?mode=rwc`
    pub url: String,
}

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A filter in the syntax of `tracing-subscriber`, e.g. `info` or `symbolon_service=debug`.
    pub filter: Option<String>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file does not say what it should.
    #[error("{path} is not understood: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The cause, with line and column.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// It has the demo switch and is no demo's.
    #[error(transparent)]
    NotADemo(#[from] demo::NotADemo),
    /// Version 2 of the API needs a place of its own.
    #[error("prefix_v2 is {prefix:?}; it must differ from prefix and cannot be empty, such as /v2")]
    PrefixOfVersion2 {
        /// What the file says.
        prefix: String,
    },
    /// Device links could not begin with it: they part it from their parameters by `?`.
    #[error(
        "device_link_base is {base:?}; it must be an https address without query and fragment, \
         such as https://id.example.org/device-link"
    )]
    DeviceLinkBase {
        /// What the file says.
        base: String,
    },
}

impl Config {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.into(),
            source,
        })?;
        let config: Self = toml::from_str(&text).map_err(|source| ConfigError::Malformed {
            path: path.into(),
            source: Box::new(source),
        })?;
        demo::judge(&config)?;
        if let Some(prefix) = config.relying_party.prefix_v2()
            && (prefix == "/" || prefix == config.relying_party.prefix())
        {
            return Err(ConfigError::PrefixOfVersion2 { prefix });
        }
        match config.device_link_base() {
            base if is_link_base(&base) => Ok(config),
            base => Err(ConfigError::DeviceLinkBase { base }),
        }
    }

    /// What relying parties' device links begin with.
    pub fn device_link_base(&self) -> String {
        match &self.relying_party.device_link_base {
            Some(base) => base.clone(),
            None => {
                let host = self.device.public_url.trim_start_matches("https://");
                let host = host.split([':', '/']).next().unwrap_or_default();
                format!("https://{host}/device-link")
            }
        }
    }

    /// How long a person has to answer.
    pub fn session_lifetime(&self) -> Duration {
        Duration::from_secs(self.session_lifetime_seconds)
    }
}

fn is_link_base(base: &str) -> bool {
    base.strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty())
        && base
            .chars()
            .all(|c| c.is_ascii_graphic() && !['?', '#', '|', '&'].contains(&c))
}

fn default_session_lifetime() -> u64 {
    120
}

fn default_prefix() -> String {
    "/v3".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_that_explains_every_setting_is_read_as_it_stands() {
        let example = include_str!("../../packaging/etc/service.toml");
        let config: Config = toml::from_str(example).unwrap();
        assert_eq!(config.device.public_url, "https://id.example.org:8443");
    }

    #[test]
    fn links_begin_with_a_plain_https_address() {
        assert!(is_link_base("https://id.example.org/device-link"));
        for other in [
            "",
            "https://",
            "http://id.example.org/device-link",
            "https://id.example.org/device-link?a=b",
            "https://id.example.org/#a",
            "https://id.example.org/a b",
        ] {
            assert!(!is_link_base(other), "{other}");
        }
    }

    #[test]
    fn version_2_has_a_place_of_its_own_or_none() {
        let file = |settings: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("service.toml");
            let example = include_str!("../../packaging/etc/service.toml");
            let prefix = "prefix = \"/v3\"\n";
            assert!(example.contains(prefix));
            std::fs::write(&path, example.replace(prefix, settings)).unwrap();
            Config::load(&path).map(|config| config.relying_party.prefix_v2())
        };
        for (settings, expected) in [
            ("prefix = '/v3'\n", None),
            ("prefix_v2 = 'v2/'\n", Some("/v2")),
            ("prefix = '/'\nprefix_v2 = '/rp/v2'\n", Some("/rp/v2")),
        ] {
            assert_eq!(file(settings).unwrap().as_deref(), expected, "{settings}");
        }
        for settings in [
            "prefix_v2 = ''\n",
            "prefix_v2 = '/'\n",
            "prefix_v2 = '/v3'\n",
            "prefix = 'a'\nprefix_v2 = '/a/'\n",
        ] {
            let refused = matches!(file(settings), Err(ConfigError::PrefixOfVersion2 { .. }));
            assert!(refused, "{settings}");
        }
    }

    #[test]
    fn the_shortest_file_is_enough_and_a_misspelt_key_is_refused() {
        let text = "scheme_name = 'smart-id-demo'\n[relying_party]\nlisten = '127.0.0.1:0'\n\
            [device]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\n\
            [store]\nurl = 'sqlite::memory:'\n[hsm]\nmodule = '/m.so'\ntoken = 't'\n\
            [certificates]\nprofile = 'smart-id-compatible'\ndirectory = '/c'\n\
            issuer_url = 'http://x'\nocsp_url = 'http://x'\ncrl_url = 'http://x'\n";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.session_lifetime(), Duration::from_secs(120));
        assert_eq!(config.device_link_base(), "https://localhost/device-link");
        let misspelt = text.replace("public_url", "publik_url");
        assert!(toml::from_str::<Config>(&misspelt).is_err());
    }
}
