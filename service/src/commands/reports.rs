//! `symbolon-service rp reports`: what people said that they did not start.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::muting::{self, Report};
use crate::relying_party::registry;
use crate::store::{Store, StoreError};

/// One report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reported {
    at: i64,
    #[serde(rename = "relyingPartyUUID")]
    relying_party: Uuid,
    /// Empty if it is registered no longer.
    names: Vec<String>,
    document_number: String,
    session: String,
    purpose: String,
    muted_until: Option<i64>,
}

/// The newest reports.
pub(super) async fn list(store: &Store, limit: u32) -> Result<Vec<Reported>, StoreError> {
    let parties = registry::list(store).await?;
    let names_of = |report: &Report| {
        let mut parties = parties.iter();
        let party = parties.find(|party| party.uuid == report.relying_party);
        party.map(|party| party.names.clone()).unwrap_or_default()
    };
    let reports = muting::reports(store, limit).await?;
    let listed = reports.into_iter().map(|report| Reported {
        at: report.at.seconds(),
        names: names_of(&report),
        relying_party: report.relying_party,
        document_number: report.document_number,
        session: report.session,
        purpose: report.purpose,
        muted_until: report.muted_until.map(|until| until.seconds_rounded_up()),
    });
    Ok(listed.collect())
}

impl Reported {
    pub(super) fn to_line(&self) -> String {
        let muted = match self.muted_until {
            Some(until) => format!("  muted until {}", moment(until)),
            None => String::new(),
        };
        format!(
            "{}  {}  {}  {} of {}{muted}\n",
            moment(self.at),
            self.relying_party,
            self.names.join(" | "),
            self.purpose,
            self.document_number,
        )
    }
}

fn moment(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}
