//! The registered relying parties.

use futures_util::FutureExt;
use ipnet::IpNet;
use serde::Serialize;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::audit::{Action, Entry, Operator};
use crate::clock::Timestamp;
use crate::sessions;
use crate::store::{Columns, Store, StoreError};

/// A registered relying party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelyingParty {
    /// By which it names itself in requests.
    pub uuid: Uuid,
    /// The names that it may show to people.
    pub names: Vec<String>,
    /// The networks that it calls from.
    pub networks: Vec<IpNet>,
    /// Whether accounts of the ADVANCED level are within its reach.
    pub allow_advanced: bool,
    /// Whether it may learn the address of the person's device.
    pub allow_ip_sharing: bool,
    /// Whether it may use version 2 of the API, whose logins bind nothing that people are shown.
    pub allow_version_2: bool,
}

/// The columns of [`RelyingParty`], for queries that name it `r`.
macro_rules! relying_party_columns {
    () => {
        "r.uuid, r.names, r.networks, r.allow_advanced, r.allow_ip_sharing, r.allow_version_2"
    };
}
pub(super) use relying_party_columns;

/// Why a relying party was not added.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Its UUID is taken.
    #[error("a relying party with this UUID exists already")]
    Exists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The relying party with this UUID.
pub async fn find(store: &Store, uuid: Uuid) -> Result<Option<RelyingParty>, StoreError> {
    sqlx::query(concat!(
        "SELECT ",
        relying_party_columns!(),
        " FROM relying_party r WHERE r.uuid = $1"
    ))
    .bind(uuid.to_string())
    .fetch_optional(&mut *store.reader().await?)
    .await?
    .as_ref()
    .map(from_row)
    .transpose()
}

/// All of them, oldest first.
pub async fn list(store: &Store) -> Result<Vec<RelyingParty>, StoreError> {
    sqlx::query(concat!(
        "SELECT ",
        relying_party_columns!(),
        " FROM relying_party r ORDER BY r.created_at, r.uuid"
    ))
    .fetch_all(&mut *store.reader().await?)
    .await?
    .iter()
    .map(from_row)
    .collect()
}

/// Adds one.
pub async fn add(store: &Store, party: &RelyingParty) -> Result<(), RegistrationError> {
    let now = Timestamp::now();
    let detail = encode(party)?;
    let party_uuid = party.uuid;
    let uuid = party.uuid.to_string();
    let names = encode(&party.names)?;
    let networks = encode(&party.networks)?;
    let allow_advanced = i64::from(party.allow_advanced);
    let allow_ip_sharing = i64::from(party.allow_ip_sharing);
    let allow_version_2 = i64::from(party.allow_version_2);
    let added = store
        .write(move |connection| {
            async move {
                let done = sqlx::query(
                    "INSERT INTO relying_party \
                     (uuid, names, networks, allow_advanced, allow_ip_sharing, allow_version_2, \
                     created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (uuid) DO NOTHING",
                )
                .bind(uuid)
                .bind(names)
                .bind(networks)
                .bind(allow_advanced)
                .bind(allow_ip_sharing)
                .bind(allow_version_2)
                .bind(now.milliseconds())
                .execute(&mut *connection)
                .await?;
                let added = done.rows_affected() == 1;
                if added {
                    Entry::new(Action::RelyingPartyAdded, detail)
                        .relying_party(party_uuid)
                        .by(Operator::of_this_process())
                        .note(now)?;
                }
                Ok(added)
            }
            .boxed()
        })
        .await?;
    if added {
        Ok(())
    } else {
        Err(RegistrationError::Exists)
    }
}

/// Removes one and ends what it has running. Whether it existed.
pub async fn remove(store: &Store, uuid: Uuid) -> Result<bool, StoreError> {
    store
        .write(move |connection| {
            async move {
                let now = Timestamp::now();
                sessions::end_all_of(connection, &uuid, now).await?;
                sessions::note_outside_change(connection).await?;
                let done = sqlx::query("DELETE FROM relying_party WHERE uuid = $1")
                    .bind(uuid.to_string())
                    .execute(&mut *connection)
                    .await?;
                let removed = done.rows_affected() == 1;
                if removed {
                    Entry::new(Action::RelyingPartyRemoved, "")
                        .relying_party(uuid)
                        .by(Operator::of_this_process())
                        .note(now)?;
                }
                Ok(removed)
            }
            .boxed()
        })
        .await
}

fn encode(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Reads one from a row of [`relying_party_columns`].
pub(super) fn from_row(row: &AnyRow) -> Result<RelyingParty, StoreError> {
    Ok(RelyingParty {
        uuid: decode("uuid", row.text("uuid")?, Uuid::parse_str)?,
        names: decode("names", row.text("names")?, |text| {
            serde_json::from_str(text)
        })?,
        networks: decode("networks", row.text("networks")?, |text| {
            serde_json::from_str(text)
        })?,
        allow_advanced: row.number("allow_advanced")? != 0,
        allow_ip_sharing: row.number("allow_ip_sharing")? != 0,
        allow_version_2: row.number("allow_version_2")? != 0,
    })
}

fn decode<T, E: std::fmt::Display>(
    column: &str,
    text: String,
    decode: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    decode(&text).map_err(|error| StoreError::Damaged(format!("column {column}: {error}")))
}
