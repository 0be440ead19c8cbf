//! `symbolon-service init`: the keys on the token and the service's own certificates.

use crate::audit::{Action, Entry, Operator};
use crate::certificates::chain::{self, Done, FileMade};
use crate::certificates::{CertificatesConfig, CertificatesError};
use crate::clock::Timestamp;
use crate::keys::{HsmConfig, KeyMade, KeysError, Made, ServiceKeys};
use crate::store::{Store, StoreError};

/// What was made and what was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The keys on the token.
    pub keys: Vec<KeyMade>,
    /// The certificates' files.
    pub files: Vec<FileMade>,
}

/// Why it was not made, or not all of it. What was made stays; a second run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The token.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The certificates.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// `device.public_url` names no host for the server's certificate.
    #[error("[device] public_url `{0}` is no https address")]
    PublicUrl(String),
}

/// Makes what is missing; touches nothing that is there. Blocks on the token, up to seconds.
pub async fn run(
    hsm: &HsmConfig,
    certificates: &CertificatesConfig,
    public_url: &str,
) -> Result<InitReport, InitError> {
    let host = host_of(public_url).ok_or_else(|| InitError::PublicUrl(public_url.to_owned()))?;
    let (keys, keys_made) = ServiceKeys::make(hsm)?;
    Ok(InitReport {
        keys: keys_made,
        files: chain::make(certificates, &keys, &host).await?,
    })
}

/// Notes in the audit trail what was made; nothing if all was there.
pub async fn note(store: &Store, report: &InitReport) -> Result<(), StoreError> {
    let keys = report.keys.iter().filter(|key| key.made == Made::Now);
    let files = report.files.iter().filter(|file| file.done != Done::Kept);
    let made: Vec<_> = keys
        .map(|key| format!("key {}", key.label))
        .chain(files.map(|file| file.path.display().to_string()))
        .collect();
    if made.is_empty() {
        return Ok(());
    }
    let entry = Entry::new(Action::ServiceInitialised, made.join(", "));
    let entry = entry.by(Operator::of_this_process());
    store
        .write(|_| Box::pin(async move { entry.note(Timestamp::now()) }))
        .await
}

impl std::fmt::Display for InitReport {
    /// One line for each key and each file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for key in &self.keys {
            let done = match key.made {
                Made::Now => "made",
                Made::Before => "kept",
            };
            writeln!(f, "{done}    key {}", key.label)?;
        }
        for file in &self.files {
            let done = match file.done {
                Done::Made => "made   ",
                Done::Kept => "kept   ",
                Done::Renewed => "renewed",
            };
            writeln!(f, "{done} {}", file.path.display())?;
        }
        Ok(())
    }
}

/// The host of an https address: without port, and without the brackets of an IPv6 address.
fn host_of(url: &str) -> Option<String> {
    let address: http::Uri = url.parse().ok()?;
    if address.scheme_str() != Some("https") {
        return None;
    }
    let host = address.host()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    (!bare.is_empty()).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_the_public_address_is_found() {
        for (url, host) in [
            ("https://id.example.com", Some("id.example.com")),
            ("https://id.example.com:8443/device", Some("id.example.com")),
            ("https://127.0.0.1:1", Some("127.0.0.1")),
            ("https://[::1]:8443", Some("::1")),
            ("http://id.example.com", None),
            ("id.example.com", None),
            ("https://", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
