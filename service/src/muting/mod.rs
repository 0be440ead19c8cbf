//! "I did not start this": whoever asked does not reach that person for a while, and the operator
//! is told.
//!
//! * here: what is stored.
//! * `policy`: for how long.

mod policy;

use std::time::Duration;

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::{DocumentNumber, SemanticsIdentifier};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::sessions::Session;
use crate::store::{Columns, Store, StoreError, parse};

pub use policy::Mute;

/// How long the operator can look at what was said.
const REPORTS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// One person's word that they did not start what a relying party asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub relying_party: Uuid,
    /// Whose device said so.
    pub document_number: String,
    /// What was asked for.
    pub session: String,
    /// `authentication`, `signing` or `certificateChoice`.
    pub purpose: String,
    /// Until when the relying party does not reach the person, if it is muted for them.
    pub muted_until: Option<Timestamp>,
}

/// Notes what a person said of a session. What was pushed to them mutes its relying party; until
/// when. What they took up themselves no mute would have spared them.
pub async fn report(
    connection: &mut AnyConnection,
    session: &Session,
    by: &DocumentNumber,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query(
        "INSERT INTO not_started (at, relying_party, document_number, session, purpose) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(now.milliseconds())
    .bind(session.relying_party.to_string())
    .bind(by.to_string())
    .bind(session.id.to_string())
    .bind(session.request.subject())
    .execute(&mut *connection)
    .await?;
    let request = &session.request;
    if request.content.is_taken_up(request.flow_type) {
        return Ok(None);
    }
    let person = by.person();
    let held = held(connection, &session.relying_party, &person).await?;
    let mute = Mute::after_report(held, now);
    sqlx::query(
        "INSERT INTO mute (relying_party, person, strikes, reported_at, until) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (relying_party, person) DO UPDATE \
         SET strikes = excluded.strikes, reported_at = excluded.reported_at, \
         until = excluded.until",
    )
    .bind(session.relying_party.to_string())
    .bind(person.to_string())
    .bind(i64::from(mute.strikes))
    .bind(mute.reported_at.milliseconds())
    .bind(mute.until.milliseconds())
    .execute(connection)
    .await?;
    Ok(Some(mute.until))
}

/// Whether a relying party does not reach a person now.
pub async fn is_muted(
    connection: &mut AnyConnection,
    relying_party: &Uuid,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = held(connection, relying_party, person).await?;
    Ok(held.is_some_and(|mute| mute.is_in_force(now)))
}

/// The newest reports, at most `limit`.
pub async fn reports(store: &Store, limit: u32) -> Result<Vec<Report>, StoreError> {
    let rows = sqlx::query("SELECT * FROM not_started ORDER BY at DESC, session LIMIT $1")
        .bind(i64::from(limit))
        .fetch_all(&mut *store.reader().await?)
        .await?;
    let now = Timestamp::now();
    let mut connection = store.reader().await?;
    let mut reports = Vec::with_capacity(rows.len());
    for row in &rows {
        let relying_party = parse(&row.text("relying_party")?)?;
        let document_number = row.text("document_number")?;
        let person = parse::<DocumentNumber>(&document_number)?.person();
        let mute = held(&mut connection, &relying_party, &person).await?;
        reports.push(Report {
            at: row.moment("at")?,
            relying_party,
            document_number,
            session: row.text("session")?,
            purpose: row.text("purpose")?,
            muted_until: mute
                .filter(|mute| mute.is_in_force(now))
                .map(|mute| mute.until),
        });
    }
    Ok(reports)
}

/// Removes what is forgiven, and reports that are too old to be looked at.
pub async fn purge(connection: &mut AnyConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mute WHERE reported_at <= $1")
        .bind(now.minus(policy::FORGIVEN_AFTER).milliseconds())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM not_started WHERE at < $1")
        .bind(now.minus(REPORTS_KEPT).milliseconds())
        .execute(connection)
        .await?;
    Ok(())
}

async fn held(
    connection: &mut AnyConnection,
    relying_party: &Uuid,
    person: &SemanticsIdentifier,
) -> Result<Option<Mute>, StoreError> {
    let row = sqlx::query(
        "SELECT strikes, reported_at, until FROM mute WHERE relying_party = $1 AND person = $2",
    )
    .bind(relying_party.to_string())
    .bind(person.to_string())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Mute {
        strikes: u32::try_from(row.number("strikes")?).unwrap_or(u32::MAX),
        reported_at: row.moment("reported_at")?,
        until: row.moment("until")?,
    }))
}
