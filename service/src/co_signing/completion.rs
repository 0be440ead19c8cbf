//! The one commit that makes a signature real.

use sqlx::AnyConnection;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::events::Withdrawal;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::Confirmed;
use symbolon_protocol::identifiers::KeyPurpose;

use super::answer::StoredAnswer;
use crate::accounts::{Account, close};
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::lock;
use crate::refusal::Refusal;
use crate::service::{Service, closed, require_released};
use crate::sessions::{self, EndResult, Session, SessionResult, Sessions};
use crate::store::{Announced, Batch, Columns, Done, StoreError, each_of, when_committed};

/// Everything that becomes true together.
pub(super) struct Completion {
    /// As it was when the share was checked.
    pub(super) account: Account,
    /// What the account was last answered then.
    pub(super) last: Option<StoredAnswer>,
    pub(super) session: Session,
    /// Which key signed.
    pub(super) purpose: KeyPurpose,
    pub(super) result: SessionResult,
    pub(super) request_hash: String,
    pub(super) reply: Confirmed,
    pub(super) next_token_hash: String,
}

pub(super) enum Outcome {
    Completed(Confirmed),
    Refused(Refusal),
}

/// What the transaction found, and whom to wake.
enum Committed {
    /// By this request, or by the same one that was faster.
    Signed(Confirmed),
    Refused {
        refusal: Refusal,
        ended: Vec<Session>,
    },
}

pub(super) async fn commit(
    service: &Service,
    announced: Announced,
    completion: Completion,
) -> Result<Outcome, StoreError> {
    let account = completion.account.clone();
    let sessions = service.sessions.clone();
    let now = Timestamp::now();
    let opening = opening_of(&completion, now)?;
    let committed = announced
        .write_from(opening, move |connection, opened| {
            Box::pin(async move { apply(connection, opened, sessions, completion, now).await })
        })
        .await?;
    Ok(match committed {
        Committed::Signed(reply) => Outcome::Completed(reply),
        Committed::Refused { refusal, ended } => {
            service.announce(&account, &ended);
            Outcome::Refused(refusal)
        }
    })
}

/// Token and answer, the session's end, and its leaving the person's row.
fn opening_of(completion: &Completion, now: Timestamp) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    add_rotation(&mut batch, completion)?;
    sessions::add_end_with_token(
        &mut batch,
        &completion.session,
        &completion.result,
        &completion.account.document_number,
        &completion.next_token_hash,
        now,
    )?;
    Ok(batch)
}

/// What follows from what became of [`opening_of`].
async fn apply(
    connection: &mut AnyConnection,
    opened: Vec<Done>,
    waiting: Sessions,
    completion: Completion,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let document_number = &completion.account.document_number;
    let [rotated, ended, left] = each_of(opened)?;
    if rotated.changed == 0 {
        return not_as_it_was(connection, &completion, now).await;
    }
    // The share is good, so the PIN was right, whether or not the answer comes in time.
    if completion.account.has_released_lock {
        lock::begin_ladder_anew(connection, document_number, completion.purpose).await?;
    }
    if ended.changed == 0 {
        restore_token(connection, &completion).await?;
        return Ok(Committed::Refused {
            refusal: too_late(connection, &completion.session).await?,
            ended: Vec::new(),
        });
    }
    sessions::tell_of_end(
        connection,
        &completion.session,
        completion.result.end_result,
        Some(document_number),
        Withdrawal::AnsweredElsewhere,
        now,
    )
    .await?;
    let shown = sessions::show_after(connection, &left, now).await?;
    let subject = completion.purpose.as_str();
    let detail = format!("{subject}, session {}", completion.session.id);
    Entry::new(Action::Signed, detail)
        .account(document_number)
        .relying_party(completion.session.relying_party)
        // Rows of the trail stand in the order of their times.
        .note(Timestamp::now())?;
    let told = shown || completion.session.offered.len() > 1;
    let session = completion.session.ended(completion.result, now);
    // Before whoever confirms is woken: the relying party is the one that waits.
    when_committed(move || waiting.announce_ended(session, told));
    Ok(Committed::Signed(completion.reply))
}

/// Where the account is still as it was when the share was checked, it gets the next token, and the
/// answer in which the device gets it.
fn add_rotation(batch: &mut Batch, completion: &Completion) -> Result<(), StoreError> {
    let reply = serde_json::to_string(&completion.reply)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    batch
        .add(
            "UPDATE account SET token_hash = $2, answered_hash = $4, answer = $5 \
             WHERE document_number = $1 AND token_hash = $3 \
             AND state = 'open' AND NOT EXISTS (SELECT 1 FROM pin_lock l \
              WHERE l.document_number = account.document_number AND l.released_at IS NULL)",
        )
        .bind(completion.account.document_number.to_string())
        .bind(completion.next_token_hash.as_str())
        .bind(completion.account.token_hash.as_str())
        .bind(completion.request_hash.as_str())
        .bind(reply);
    Ok(())
}

/// Undoes [`add_rotation`] inside the same transaction: nobody has seen the new token. The answer
/// before was read with the token before, and the two change together.
async fn restore_token(
    connection: &mut AnyConnection,
    completion: &Completion,
) -> Result<(), StoreError> {
    let last = completion.last.as_ref();
    sqlx::query(
        "UPDATE account SET token_hash = $2, answered_hash = $3, answer = $4 \
         WHERE document_number = $1",
    )
    .bind(completion.account.document_number.to_string())
    .bind(completion.account.token_hash.as_str())
    .bind(last.map(|last| last.request_hash.as_str()))
    .bind(last.map(|last| last.reply.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Between check and commit something else was faster: the same request, a copy of the device, or
/// what made the account unusable.
async fn not_as_it_was(
    connection: &mut AnyConnection,
    completion: &Completion,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let document_number = &completion.account.document_number;
    let same =
        sqlx::query("SELECT answer FROM account WHERE document_number = $1 AND answered_hash = $2")
            .bind(document_number.to_string())
            .bind(completion.request_hash.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(row) = same {
        let reply = serde_json::from_str(&row.text("answer")?)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        return Ok(Committed::Signed(reply));
    }
    let current = Account::load(connection, document_number)
        .await?
        .ok_or_else(|| StoreError::Damaged(format!("{document_number} is gone")))?;
    if let Err(refusal) = require_released(&current, now) {
        return Ok(Committed::Refused {
            refusal,
            ended: Vec::new(),
        });
    }
    // Usable, and yet another token: two good shares came with one token.
    tracing::error!(account = %document_number, "a copy of the device was used");
    let ended = close(connection, document_number, Closure::Clone, now).await?;
    Ok(Committed::Refused {
        refusal: closed(Closure::Clone),
        ended,
    })
}

async fn too_late(
    connection: &mut AnyConnection,
    session: &Session,
) -> Result<Refusal, StoreError> {
    let now_ended = Session::load(connection, &session.id).await?;
    let end = now_ended.and_then(|session| session.end_result());
    Ok(match end {
        Some(EndResult::Timeout) => {
            Refusal::new(ProblemCode::Expired, "the transaction's time is over")
        }
        _ => Refusal::new(ProblemCode::AlreadyAnswered, "the transaction was answered"),
    })
}
