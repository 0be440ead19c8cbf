//! The `[demo]` section, and what a configuration must say of itself to have one.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::Config;

/// `[demo]`: its presence is the switch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// How long a device takes to answer.
    #[serde(default = "default_answer_after_ms")]
    pub answer_after_ms: u64,
    /// The roots (PEM) of the servers whose callbacks `/mock/device-link` calls; none are called
    /// without it.
    pub callback_roots: Option<PathBuf>,
}

impl DemoConfig {
    /// How long a device takes to answer.
    pub fn answer_after(&self) -> Duration {
        Duration::from_millis(self.answer_after_ms)
    }
}

fn default_answer_after_ms() -> u64 {
    1000
}

/// Why a configuration may not have the switch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADemo {
    /// Logins would be signed under a name that says nothing of a demo.
    #[error("[demo] is refused: the scheme name `{0}` does not end in -demo or -test")]
    Scheme(String),
    /// Certificates would come from an authority that does not call itself a test's.
    #[error("[demo] is refused: the authority's name `{0}` does not contain the word TEST")]
    Authority(String),
    /// Certificates would claim the operator's own policies.
    #[error(
        "[demo] is refused: the certificates' profile is the operator's own; \
         a demo has \"smart-id-compatible\""
    )]
    Profile,
}

/// Refuses unless all that a demo account's signature and certificates say is that they are a
/// demo's (decision 16).
pub fn judge(config: &Config) -> Result<(), NotADemo> {
    if config.demo.is_none() {
        return Ok(());
    }
    let scheme = &config.scheme_name;
    if !["-demo", "-test"].iter().any(|end| scheme.ends_with(end)) {
        return Err(NotADemo::Scheme(scheme.clone()));
    }
    for name in [
        &config.certificates.root_name,
        &config.certificates.issuing_name,
    ] {
        if !name.split_whitespace().any(|word| word == "TEST") {
            return Err(NotADemo::Authority(name.clone()));
        }
    }
    match config.certificates.profile.is_smart_id_compatible() {
        true => Ok(()),
        false => Err(NotADemo::Profile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = "scheme_name = 'smart-id-demo'\n\
        [relying_party]\nlisten = '127.0.0.1:0'\n\
        [device]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\n\
        [store]\nurl = 'sqlite::memory:'\n[hsm]\nmodule = '/m.so'\ntoken = 't'\n[demo]\n\
        [certificates]\nprofile = 'smart-id-compatible'\ndirectory = '/c'\n\
        issuer_url = 'http://x'\nocsp_url = 'http://x'\ncrl_url = 'http://x'\n";

    fn judged(text: &str) -> Result<(), NotADemo> {
        judge(&toml::from_str(text).unwrap())
    }

    #[test]
    fn only_what_calls_itself_a_demo_throughout_may_have_one() {
        assert_eq!(judged(SHORTEST), Ok(()));
        let scheme = |name: &str| SHORTEST.replace("smart-id-demo", name);
        assert_eq!(judged(&scheme("symbolon-test")), Ok(()));
        for name in ["smart-id", "symbolon", "demo-smart-id", ""] {
            assert_eq!(judged(&scheme(name)), Err(NotADemo::Scheme(name.into())));
        }
        for key in ["root_name", "issuing_name"] {
            for name in ["Example CA", "TESTIMONY CA"] {
                let text = format!("{SHORTEST}{key} = '{name}'\n");
                assert_eq!(judged(&text), Err(NotADemo::Authority(name.into())));
            }
        }
        let own = SHORTEST.replace("'smart-id-compatible'", "{ arc = '1.3.6.1.4.1.32473.1' }");
        assert_eq!(judged(&own), Err(NotADemo::Profile));
        assert_eq!(judged(&own.replace("[demo]\n", "")), Ok(()));
    }
}
