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
use crate::store::{Batch, Columns, Done, StoreError, parse};
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

/// A session leaves the row; what it answers with is for [`show_after`].
macro_rules! leave_where {
    ($also:literal) => {
        concat!(
            "DELETE FROM prompt WHERE session = $1",
            $also,
            " RETURNING person, (SELECT COUNT(*) FROM prompt w \
              WHERE w.person = prompt.person AND w.shown_at IS NULL) AS waiting"
        )
    };
}
pub(super) use leave_where;

/// How a person's row stands.
pub(super) struct Row {
    /// Whether one of the prompts has its turn.
    has_turn: bool,
    /// When the last one was asked for.
    last_asked_at: Option<Timestamp>,
}

impl Row {
    /// Adds the question for it to what is sent together.
    pub(super) fn ask(batch: &mut Batch, person: &SemanticsIdentifier, now: Timestamp) {
        // `$2` is the earliest beginning of a turn that lasts.
        batch
            .add(
                "SELECT (SELECT COUNT(*) FROM prompt p JOIN session s ON s.id = p.session \
                  WHERE p.person = $1 AND p.shown_at > $2 \
                  AND s.state = 'running' AND s.expires_at > $3) AS turns, \
                 (SELECT MAX(p.asked_at) FROM prompt p WHERE p.person = $1) AS last_asked_at",
            )
            .bind(person.to_string())
            .bind(now.minus(TURN).milliseconds())
            .bind(now.milliseconds());
    }

    /// Takes the answer.
    pub(super) fn read(done: &Done) -> Result<Self, StoreError> {
        let row = done.only_row()?;
        Ok(Self {
            has_turn: row.number("turns")? > 0,
            last_asked_at: row.optional_moment("last_asked_at")?,
        })
    }

    /// Enters a session that is pushed to the person. Whether it is shown now; if not, when its
    /// turn has come.
    pub(super) fn enter(
        &self,
        batch: &mut Batch,
        session: Uuid,
        relying_party: Uuid,
        person: &SemanticsIdentifier,
        now: Timestamp,
    ) -> bool {
        let is_shown = !self.has_turn;
        batch
            .add(
                "INSERT INTO prompt (session, person, relying_party, asked_at, shown_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(session.to_string())
            .bind(person.to_string())
            .bind(relying_party.to_string())
            .bind(self.place_of(now).milliseconds())
            .bind(is_shown.then_some(now.milliseconds()));
        if is_shown {
            note_turn(batch, person, &relying_party, now);
        }
        is_shown
    }

    /// Two requests of one millisecond have an order as well.
    fn place_of(&self, now: Timestamp) -> Timestamp {
        match self.last_asked_at {
            Some(last) if last >= now => last.plus(Duration::from_millis(1)),
            _ => now,
        }
    }
}

/// Takes a session that ended out of the row, and offers the next one to its devices. Those are
/// devices of the same person; they are to be woken after the commit. Whether there was a next one.
pub async fn pass_on(
    connection: &mut AnyConnection,
    ended: &Session,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut batch = Batch::default();
    batch.add(leave_where!("")).bind(ended.id.to_string());
    let [left] = batch.run_as(connection).await?;
    show_after(connection, &left, now).await
}

/// Shows what waited for a session that left the row. Whether there was anything.
pub(crate) async fn show_after(
    connection: &mut AnyConnection,
    left: &Done,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match left.rows.first() {
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
        if show(connection, &next, person, now).await? {
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

async fn has_turn(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut batch = Batch::default();
    Row::ask(&mut batch, person, now);
    let [row] = batch.run_as(connection).await?;
    Ok(Row::read(&row)?.has_turn)
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
    person: &SemanticsIdentifier,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(session) = Session::load(connection, &next.session).await? else {
        return Ok(false);
    };
    let mut batch = Batch::default();
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
            deliveries::add(&mut batch, device, &offer, now)?;
            reached = true;
        }
    }
    if reached {
        batch
            .add("UPDATE prompt SET shown_at = $2 WHERE session = $1")
            .bind(session.id.to_string())
            .bind(now.milliseconds());
        note_turn(&mut batch, person, &next.relying_party, now);
        batch.run(connection).await?;
    }
    Ok(reached)
}

fn note_turn(
    batch: &mut Batch,
    person: &SemanticsIdentifier,
    relying_party: &Uuid,
    now: Timestamp,
) {
    batch
        .add(
            "INSERT INTO prompt_turn (person, relying_party, at) VALUES ($1, $2, $3) \
             ON CONFLICT (person, relying_party) DO UPDATE SET at = excluded.at",
        )
        .bind(person.to_string())
        .bind(relying_party.to_string())
        .bind(now.milliseconds());
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
