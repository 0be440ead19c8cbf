//! `symbolon-service ca`: the ceremony that makes both certificate authorities.

use clap::Subcommand;
use serde_json::{Value, json};

use super::init::InitError;
use super::{CommandError, print};
use crate::audit::{Action, Entry, Operator};
use crate::certificates::CertificatesConfig;
use crate::certificates::chain::{self, AuthorityMade};
use crate::clock::Timestamp;
use crate::keys::{HsmConfig, KeyMade, Made, ServiceKeys};
use crate::store::Store;

/// What to do about the certificate authorities.
#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Make the keys, the root and the issuing authority, and print their fingerprints for the
    /// record. Refuses where there is an authority already; `init` makes all else.
    Init,
}

/// Makes the authorities and prints what was made.
pub async fn init(
    store: &Store,
    hsm: &HsmConfig,
    certificates: &CertificatesConfig,
    json: bool,
) -> Result<(), CommandError> {
    // Before the token is touched.
    chain::expect_no_authorities(certificates)?;
    let (keys, keys_made) = ServiceKeys::make(hsm).map_err(InitError::from)?;
    let authorities = chain::make_authorities(certificates, &keys).await?;
    let fingerprints = authorities.iter().map(|made| made.fingerprint.as_str());
    let detail = format!("SHA-256 {}", fingerprints.collect::<Vec<_>>().join(", "));
    let entry = Entry::new(Action::AuthoritiesMade, detail).by(Operator::of_this_process());
    let noted = store
        .write(|_| Box::pin(async move { entry.note(Timestamp::now()) }))
        .await;
    if json {
        print(&format!("{}\n", as_json(&keys_made, &authorities)))
    } else {
        print(&as_text(&keys_made, &authorities))
    }?;
    Ok(noted?)
}

fn as_json(keys: &[KeyMade], authorities: &[AuthorityMade]) -> Value {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| json!({"label": key.label, "made": key.made == Made::Now}))
        .collect();
    let authorities: Vec<_> = authorities
        .iter()
        .map(|made| {
            json!({
                "file": made.file.path.display().to_string(),
                "subject": made.subject,
                "sha256": made.fingerprint,
            })
        })
        .collect();
    json!({"keys": keys, "authorities": authorities})
}

fn as_text(keys: &[KeyMade], authorities: &[AuthorityMade]) -> String {
    let mut text = String::new();
    for key in keys {
        let done = match key.made {
            Made::Now => "made",
            Made::Before => "kept",
        };
        text += &format!("{done}    key {}\n", key.label);
    }
    for made in authorities {
        text += &format!(
            "made    {}\n        {}\n        SHA-256 {}\n",
            made.file.path.display(),
            made.subject,
            made.fingerprint
        );
    }
    text
}
