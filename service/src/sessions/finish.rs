//! Ending a session, inside whatever transaction brings the end about.

use sqlx::AnyConnection;
use symbolon_protocol::device::events::{Event, Withdrawal};
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber};
use uuid::Uuid;

use super::prompts::{self, leave_where};
use super::rows::{session_columns, to_json};
use super::targets::{Resolved, resolve};
use super::{EndResult, Session, SessionResult, Sessions, Target};
use crate::clock::Timestamp;
use crate::deliveries;
use crate::metrics;
use crate::store::{Batch, StoreError};

/// Ends a session that still runs.
macro_rules! end_where {
    ($also:literal) => {
        concat!(
            "UPDATE session SET state = 'complete', result = $2, completed_at = $3 \
             WHERE id = $1 AND state = 'running'",
            $also
        )
    };
}

/// Ends a running session, withdraws it from all devices but `answered_by` and shows what waited
/// for its end. Whether it was this call that ended it; if not, nothing changed.
pub async fn finish(
    connection: &mut AnyConnection,
    session: &Session,
    result: &SessionResult,
    answered_by: Option<&DocumentNumber>,
    reason: Withdrawal,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !end(connection, session, result, answered_by, reason, now).await? {
        return Ok(false);
    }
    prompts::pass_on(connection, session, now).await?;
    Ok(true)
}

/// The same without showing anything: [`prompts::pass_on`] is the caller's, in the same commit.
pub async fn end(
    connection: &mut AnyConnection,
    session: &Session,
    result: &SessionResult,
    answered_by: Option<&DocumentNumber>,
    reason: Withdrawal,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut batch = Batch::default();
    batch
        .add(end_where!(""))
        .bind(session.id.to_string())
        .bind(to_json(result)?)
        .bind(now.milliseconds());
    let [ended] = batch.run_as(connection).await?;
    if ended.changed == 0 {
        return Ok(false);
    }
    let end = result.end_result;
    tell_of_end(connection, session, end, answered_by, reason, now).await?;
    Ok(true)
}

/// Adds the end of a session to what is sent together, and its leaving the person's row: each only
/// where the session still runs and the account has the token of this digest by then. If the first
/// of the two changed something, [`tell_of_end`] and [`prompts::show_after`] are the caller's, in
/// the same commit.
pub(crate) fn add_end_with_token(
    batch: &mut Batch,
    session: &Session,
    result: &SessionResult,
    document_number: &DocumentNumber,
    token_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    batch
        .add(end_where!(
            " AND EXISTS (SELECT 1 FROM account a \
             WHERE a.document_number = $4 AND a.token_hash = $5)"
        ))
        .bind(session.id.to_string())
        .bind(to_json(result)?)
        .bind(now.milliseconds())
        .bind(document_number.to_string())
        .bind(token_hash);
    batch
        .add(leave_where!(
            " AND EXISTS (SELECT 1 FROM account a \
             WHERE a.document_number = $2 AND a.token_hash = $3)"
        ))
        .bind(session.id.to_string())
        .bind(document_number.to_string())
        .bind(token_hash);
    Ok(())
}

/// Counts an end, and withdraws the session from all devices but `answered_by`.
pub(crate) async fn tell_of_end(
    connection: &mut AnyConnection,
    session: &Session,
    end: EndResult,
    answered_by: Option<&DocumentNumber>,
    reason: Withdrawal,
    now: Timestamp,
) -> Result<(), StoreError> {
    metrics::session_ends(&session.request, end);
    let withdrawn = Event::Withdrawn {
        transaction: session.id,
        reason,
    };
    for device in &session.offered {
        if Some(device) != answered_by {
            deliveries::append(connection, device, &withdrawn, now).await?;
        }
    }
    Ok(())
}

/// Takes an account that has just become unusable out of everything that waits for it. Sessions
/// that no other account can answer end with `DOCUMENT_UNUSABLE`. Returns what to announce.
pub async fn cancel_for(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let mut waiting = waiting_for(connection, document_number).await?;
    for session in &waiting {
        if is_answerable(connection, session, now).await? {
            let withdrawn = Event::Withdrawn {
                transaction: session.id,
                reason: Withdrawal::AccountUnusable,
            };
            deliveries::append(connection, document_number, &withdrawn, now).await?;
        } else {
            let result = SessionResult::without_signature(EndResult::DocumentUnusable);
            let reason = Withdrawal::AccountUnusable;
            finish(connection, session, &result, None, reason, now).await?;
        }
    }
    for session in prompts::waiting_for_turn(connection, document_number, now).await? {
        if !is_answerable(connection, &session, now).await? {
            let result = SessionResult::without_signature(EndResult::DocumentUnusable);
            let reason = Withdrawal::AccountUnusable;
            finish(connection, &session, &result, None, reason, now).await?;
            waiting.push(session);
        }
    }
    Ok(waiting)
}

/// Ends everything that a relying party has running, because it is being removed. Returns what to
/// announce.
pub async fn end_all_of(
    connection: &mut AnyConnection,
    relying_party: &Uuid,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        session_columns!(),
        " FROM session s WHERE s.state = 'running' AND s.relying_party = $1"
    ))
    .bind(relying_party.to_string())
    .fetch_all(&mut *connection)
    .await?;
    let running: Vec<Session> = rows
        .iter()
        .map(Session::from_row)
        .collect::<Result<_, _>>()?;
    for session in &running {
        let result = SessionResult::without_signature(EndResult::ServerError);
        let reason = Withdrawal::Expired;
        finish(connection, session, &result, None, reason, now).await?;
    }
    Ok(running)
}

/// Running sessions that were offered to an account, oldest first.
pub(crate) async fn waiting_for(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        session_columns!(),
        " FROM delivery d JOIN session s ON s.id = d.session \
         WHERE d.document_number = $1 AND d.kind = 'offered' AND s.state = 'running' \
         ORDER BY s.created_at, d.cursor"
    ))
    .bind(document_number.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(Session::from_row).collect()
}

async fn is_answerable(
    connection: &mut AnyConnection,
    session: &Session,
    now: Timestamp,
) -> Result<bool, StoreError> {
    for device in &session.offered {
        let target = Target::Document(device.clone());
        let level = CertificateLevel::Advanced;
        if let Resolved::Usable(usable) = resolve(connection, &target, level, None, now).await?
            && !usable.accounts.is_empty()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Sessions {
    /// Wakes everybody whom the end of a session concerns. To be called after the commit.
    pub fn announce_end(&self, session: &Session) {
        self.hints.session_changed(&session.id);
        // Not only those that it was offered to: what waited for this end may be for another.
        if let Some(device) = session.offered.first() {
            self.hints.person_has_news(&device.person());
        }
    }

    /// The same for a session as it stands now that its end is committed: who waits for it on this
    /// node need not read it. `told` is whether a device was told anything by the same commit.
    pub fn announce_ended(&self, session: Session, told: bool) {
        let person = session.offered.first().map(DocumentNumber::person);
        self.hints.session_ended(session);
        if let Some(person) = person.filter(|_| told) {
            self.hints.person_has_news(&person);
        }
    }
}
