//! The `[certificates]` section of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

use super::profile::Profile;

/// What stands in certificates, and where the service keeps its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatesConfig {
    /// The folder with `root.pem`, `issuing.pem` and `server.pem`.
    pub directory: PathBuf,
    /// `{ arc = "…" }` for policies under the operator's own arc, `"smart-id-compatible"`, or a table: `qualified_authentication`, `qualified_signing` and
    /// `advanced` (lists of policies), `authentication_usage` and `qualified_statements` (true or
    /// false). There is no default, because a policy is a claim that somebody must want to make.
    pub profile: Profile,
    /// Where the issuing authority's certificate is fetched (http).
    pub issuer_url: String,
    /// The OCSP responder (http).
    pub ocsp_url: String,
    /// The issuing authority's revocation list (http).
    pub crl_url: String,
    /// The practice statement.
    pub statement_url: Option<String>,
    /// The disclosure statement that qualified signing certificates point at (ETSI EN 319 412-5
    /// section 4.3.4).
    pub disclosure_url: Option<String>,
    /// `O` of both authorities.
    #[serde(default = "default_organisation")]
    pub organisation: String,
    /// `organizationIdentifier` of both authorities, e.g. `NTREE-12345678`.
    pub organisation_identifier: Option<String>,
    /// `C` of both authorities.
    #[serde(default = "default_country")]
    pub country: String,
    /// `CN` of the root.
    #[serde(default = "default_root_name")]
    pub root_name: String,
    /// `CN` of the issuing authority.
    #[serde(default = "default_issuing_name")]
    pub issuing_name: String,
    /// How long an account's certificates are valid.
    #[serde(default = "default_validity_days")]
    pub validity_days: u32,
    /// Names and addresses of the TLS server beside the host of `device.public_url`.
    #[serde(default)]
    pub server_names: Vec<String>,
}

// The names say what certificates of an unconfigured authority are: a test's.

fn default_organisation() -> String {
    "Symbolon TEST".to_owned()
}

fn default_country() -> String {
    "EE".to_owned()
}

fn default_root_name() -> String {
    "TEST of Symbolon Root".to_owned()
}

fn default_issuing_name() -> String {
    "TEST of Symbolon Issuing CA".to_owned()
}

fn default_validity_days() -> u32 {
    3 * 365
}
