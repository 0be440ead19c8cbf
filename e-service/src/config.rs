//! What the e-service is told: the command line and a file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Deserialize;

use crate::api::Responder;
use crate::verify::{Certificate, Profile, Rejected, Trust, TrustError, Verifier};

/// An example e-service: logs people in and has them sign, by way of a co-signing service.
///
/// Log in by device link (a link on the same machine, a QR code on another) or by notification, sign
/// a file, sign a PDF. Everything that the service answers is verified. It keeps what it knows in
/// memory and forgets it when it ends.
#[derive(Debug, Parser)]
#[command(name = "symbolon-e-service", version)]
pub struct Cli {
    /// The configuration; e-service/example.toml in the sources explains every setting.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Where to listen, instead of what the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// A file to write two lines to, once people can be served: the public address, and the one here.
    #[arg(long, value_name = "FILE")]
    pub address_file: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How browsers reach it. The service leads browsers back only to https.
    pub public_url: Option<String>,
    /// Its own TLS, where no proxy stands in front.
    pub tls: Option<Tls>,
    /// The co-signing service.
    pub service: Service,
    /// Who it is there.
    pub relying_party: RelyingParty,
    /// Whom it believes.
    pub trust: Trusted,
}

/// A certificate and its key, PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, its own first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// The co-signing service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// With the version: `https://id.example.org/v3`.
    pub url: String,
    /// The roots of its TLS certificate, PEM; needed for https.
    pub root: Option<PathBuf>,
    /// The first field of every signed payload.
    pub scheme_name: String,
}

/// Who the e-service is at the co-signing service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingParty {
    /// As registered.
    pub uuid: String,
    /// As registered; people see it.
    pub name: String,
}

/// Who may say who people are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Root certificates, PEM.
    pub roots: PathBuf,
    /// The authorities below them, PEM.
    pub intermediates: PathBuf,
    /// What certificates are marked with: `"smart-id"`, or `{ arc = "…" }`.
    pub profile: WrittenProfile,
    /// Where the authority's OCSP responder is, by plain HTTP. Without it nobody is asked whether a
    /// certificate was revoked.
    pub ocsp: Option<String>,
    /// Where its revocation list is, for when the responder does not answer; only beside `ocsp`.
    pub crl: Option<String>,
}

/// How a profile stands in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum WrittenProfile {
    /// By name.
    Named(ProfileName),
    /// An operator's own.
    Own {
        /// An object identifier.
        arc: String,
    },
}

/// The profiles that have a name.
#[derive(Debug, Clone, Copy, Deserialize)]
pub enum ProfileName {
    /// Smart-ID's.
    #[serde(rename = "smart-id")]
    SmartId,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is no configuration.
    #[error("{0}: {1}")]
    Malformed(PathBuf, Box<toml::de::Error>),
    /// A certificate is none.
    #[error("{0}: {1}")]
    Certificate(PathBuf, Rejected),
    /// The authorities do not fit together.
    #[error("trust: {0}")]
    Trust(#[from] TrustError),
    /// The arc is none.
    #[error("trust.profile: {0}")]
    Profile(String),
    /// Keys or certificates of TLS.
    #[error("{0}: {1}")]
    Tls(PathBuf, String),
    /// The address cannot be had.
    #[error("cannot listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// Something that has to be there.
    #[error("{0}")]
    Incomplete(&'static str),
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, is malformed, or has a key that is not known.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::Unreadable(file.into(), error))?;
        toml::from_str(&text).map_err(|error| ConfigError::Malformed(file.into(), Box::new(error)))
    }

    /// What is believed.
    ///
    /// # Errors
    /// If a certificate cannot be read or leads nowhere.
    pub fn verifier(&self) -> Result<Verifier, ConfigError> {
        Ok(Verifier {
            trust: Trust::new(
                certificates(&self.trust.roots)?,
                certificates(&self.trust.intermediates)?,
            )?,
            profile: match &self.trust.profile {
                WrittenProfile::Named(ProfileName::SmartId) => Profile::smart_id(),
                WrittenProfile::Own { arc } => Profile::under(arc).map_err(ConfigError::Profile)?,
            },
            scheme_name: self.service.scheme_name.clone(),
        })
    }

    /// Who is asked whether certificates were revoked, if anybody.
    ///
    /// # Errors
    /// If there is a list and nobody for whom it could stand in.
    pub fn responder(&self) -> Result<Option<Responder>, ConfigError> {
        match (&self.trust.ocsp, &self.trust.crl) {
            (None, None) => Ok(None),
            (Some(ocsp), None) => Ok(Some(Responder::at(ocsp))),
            (Some(ocsp), Some(crl)) => Ok(Some(Responder::at(ocsp).or_list(crl))),
            (None, Some(_)) => Err(ConfigError::Incomplete(
                "trust.crl stands in for trust.ocsp, which is not there",
            )),
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, ConfigError> {
    let pem = std::fs::read(file).map_err(|error| ConfigError::Unreadable(file.into(), error))?;
    Certificate::all_in_pem(&pem).map_err(|why| ConfigError::Certificate(file.into(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_can_be_read() {
        let config: Config = toml::from_str(include_str!("../example.toml")).unwrap();
        assert!(config.public_url.unwrap().starts_with("https://"));
    }
}
