//! One prompt at a time per person: what is pushed while another waits for the person's answer is
//! shown when its turn has come.
//!
//! A prompt has the person for itself for [`TURN`]. After that the next one is shown whether or not
//! it was answered: who put it aside, or whom nobody looks after, is not kept from everything else.
//!
//! What a person took up by themselves (a device link) is no prompt: it neither waits nor makes
//! others wait.

use std::time::Duration;

use sqlx::AnyConnection;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, SemanticsIdentifier};
use uuid::Uuid;

use super::targets::{Resolved, resolve};
use super::{Session, Sessions, Target};
use crate::clock::Timestamp;
use crate::store::{Columns, StoreError, parse};
use crate::{deliveries, muting};

/// What has less time left than it takes to read and to type a PIN is not shown any more.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// Long enough to read and to type a PIN.
const TURN: Duration = Duration::from_secs(30);

/// For how long it is remembered who had a turn: longer than anything waits.
const TURNS_KEPT: Duration = Duration::from_secs(60 * 60);

/// What waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    session: Uuid,
    relying_party: Uuid,
    asked_at: Timestamp,
    /// When its relying party was last shown to this person.
    last_turn: Option<Timestamp>,
}

/// In the order of turns: the relying party that had none for longest comes first, whatever another
/// one has piled up; of its requests the oldest.
fn in_order(mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    waiting.sort_by_key(|each| (each.last_turn, each.asked_at, each.session));
    waiting
}

/// How many of a person's prompts `p` with their sessions `s` have their turn: `$2` is the earliest
/// beginning of a turn that lasts, `$3` is now.
macro_rules! turns_held {
    () => {
        "COUNT(CASE WHEN p.shown_at > $2 AND s.state = 'running' AND s.expires_at > $3 \
         THEN 1 END)"
    };
}
/// Enters a session that is pushed to a person. Whether it is shown now; if not, when its
/// turn has come.
pub(super) async fn enter(
    connection: &mut AnyConnection,
    session: Uuid,
    relying_party: Uuid,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // Two requests of one millisecond have an order as well.
    let row = sqlx::query(concat!(
        "INSERT INTO prompt (session, person, relying_party, asked_at, shown_at) \
         SELECT $4, $1, $5, \
          CASE WHEN MAX(p.asked_at) >= $3 THEN MAX(p.asked_at) + 1 ELSE $3 END, \
          CASE WHEN ",
        turns_held!(),
        " = 0 THEN $3 END \
         FROM prompt p JOIN session s ON s.id = p.session WHERE p.person = $1 \
         RETURNING shown_at"
    ))
    .bind(person.to_string())
    .bind(now.minus(TURN).milliseconds())
    .bind(now.milliseconds())
    .bind(session.to_string())
    .bind(relying_party.to_string())
    .fetch_one(&mut *connection)
    .await?;
    let shown = row.optional_moment("shown_at")?.is_some();
    if shown {
        note_turn(connection, person, &relying_party, now).await?;
    }
    Ok(shown)
}

/// Takes a session that ended out of the row, and offers the next one to its devices. Those are
/// devices of the same person; they are to be woken after the commit. Whether there was a next one.
pub async fn pass_on(
    connection: &mut AnyConnection,
    ended: &Session,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "DELETE FROM prompt WHERE session = $1 RETURNING person, \
         (SELECT COUNT(*) FROM prompt w WHERE w.person = prompt.person \
          AND w.shown_at IS NULL) AS waiting",
    )
    .bind(ended.id.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) if row.number("waiting")? > 0 => {
            let person: SemanticsIdentifier = parse(&row.text("person")?)?;
            show_next(connection, &person, now).await
        }
        _ => Ok(false),
    }
}

impl Sessions {
    /// Shows what waits for those whose prompt had its turn.
    pub async fn take_turns(&self) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT person FROM prompt GROUP BY person \
             HAVING COUNT(*) > COUNT(shown_at) AND COALESCE(MAX(shown_at), 0) <= $1",
        )
        .bind(Timestamp::now().minus(TURN).milliseconds())
        .fetch_all(&mut *self.store.reader().await?)
        .await?;
        for row in &rows {
            let person: SemanticsIdentifier = parse(&row.text("person")?)?;
            let theirs = person.clone();
            let shown = self
                .store
                .write(move |connection| {
                    Box::pin(async move { show_next(connection, &theirs, Timestamp::now()).await })
                })
                .await?;
            if shown {
                self.hints.person_has_news(&person);
            }
        }
        Ok(())
    }
}

/// Shows the next one, unless one has its turn. Whether anything is newly shown.
async fn show_next(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let waiting = waiting_of(connection, person, now).await?;
    if waiting.is_empty() || has_turn(connection, person, now).await? {
        return Ok(false);
    }
    for next in in_order(waiting) {
        // Muted since it was asked: it goes on waiting, as if nobody answered.
        if muting::is_muted(connection, &next.relying_party, person, now).await? {
            continue;
        }
        if show(connection, &next, now).await? {
            note_turn(connection, person, &next.relying_party, now).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sessions that wait for their turn and may be answered by this account.
pub(super) async fn waiting_for_turn(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let mut sessions = Vec::new();
    for each in waiting_of(connection, &document_number.person(), now).await? {
        let session = Session::load(connection, &each.session).await?;
        sessions.extend(session.filter(|session| session.offered.contains(document_number)));
    }
    Ok(sessions)
}

/// Forgets turns that no longer tell anything.
pub(super) async fn purge(
    connection: &mut AnyConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM prompt_turn WHERE at < $1")
        .bind(now.minus(TURNS_KEPT).milliseconds())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether one of a person's prompts has its turn.
async fn has_turn(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        turns_held!(),
        " AS turns FROM prompt p JOIN session s ON s.id = p.session WHERE p.person = $1"
    ))
    .bind(person.to_string())
    .bind(now.minus(TURN).milliseconds())
    .bind(now.milliseconds())
    .fetch_one(connection)
    .await?;
    Ok(row.number("turns")? > 0)
}

async fn waiting_of(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.session, p.relying_party, p.asked_at, t.at AS last_turn \
         FROM prompt p JOIN session s ON s.id = p.session \
         LEFT JOIN prompt_turn t ON t.person = p.person AND t.relying_party = p.relying_party \
         WHERE p.person = $1 AND p.shown_at IS NULL AND s.state = 'running' AND s.expires_at > $2",
    )
    .bind(person.to_string())
    .bind(now.plus(LEAST_TIME).milliseconds())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                session: parse(&row.text("session")?)?,
                relying_party: parse(&row.text("relying_party")?)?,
                asked_at: row.moment("asked_at")?,
                last_turn: row.optional_moment("last_turn")?,
            })
        })
        .collect()
}

/// Offers a session to those of its devices that can answer it; whether there is one.
async fn show(
    connection: &mut AnyConnection,
    next: &Waiting,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(session) = Session::load(connection, &next.session).await? else {
        return Ok(false);
    };
    let mut reached = false;
    for device in &session.offered {
        let target = Target::Document(device.clone());
        let level = CertificateLevel::Advanced;
        if let Resolved::Usable(usable) = resolve(connection, &target, level, None, now).await?
            && !usable.accounts.is_empty()
        {
            let offer = Event::Offered {
                transaction: session.id,
            };
            deliveries::append(connection, device, &offer, now).await?;
            reached = true;
        }
    }
    if reached {
        sqlx::query("UPDATE prompt SET shown_at = $2 WHERE session = $1")
            .bind(session.id.to_string())
            .bind(now.milliseconds())
            .execute(connection)
            .await?;
    }
    Ok(reached)
}

async fn note_turn(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    relying_party: &Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO prompt_turn (person, relying_party, at) VALUES ($1, $2, $3) \
         ON CONFLICT (person, relying_party) DO UPDATE SET at = excluded.at",
    )
    .bind(person.to_string())
    .bind(relying_party.to_string())
    .bind(now.milliseconds())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANK: Uuid = Uuid::from_u128(1);
    const SHOP: Uuid = Uuid::from_u128(2);
    const STRANGER: Uuid = Uuid::from_u128(3);

    #[test]
    fn turns_go_round_among_relying_parties() {
        let at = Timestamp::from_milliseconds;
        // (who, when asked, their last turn), and the order in which they come.
        type Case = (Vec<(Uuid, i64, Option<i64>)>, Vec<i64>);
        let cases: Vec<Case> = vec![
            (vec![], vec![]),
            // Of one relying party the oldest.
            (vec![(BANK, 12, Some(5)), (BANK, 11, Some(5))], vec![11, 12]),
            // Who was not shown yet comes before who was, however much that one has piled up.
            (
                vec![
                    (STRANGER, 11, Some(5)),
                    (STRANGER, 12, Some(5)),
                    (BANK, 13, None),
                ],
                vec![13, 11, 12],
            ),
            // The longest without a turn first.
            (
                vec![
                    (STRANGER, 11, Some(9)),
                    (SHOP, 12, Some(7)),
                    (BANK, 13, Some(8)),
                ],
                vec![12, 13, 11],
            ),
            (vec![(SHOP, 12, None), (BANK, 11, None)], vec![11, 12]),
        ];
        for (waiting, order) in cases {
            let waiting = waiting
                .into_iter()
                .map(|(relying_party, asked_at, last_turn)| Waiting {
                    session: Uuid::from_u128(u128::try_from(asked_at).unwrap()),
                    relying_party,
                    asked_at: at(asked_at),
                    last_turn: last_turn.map(at),
                })
                .collect();
            let came: Vec<i64> = in_order(waiting)
                .iter()
                .map(|each| each.asked_at.milliseconds())
                .collect();
            assert_eq!(came, order);
        }
    }
}
