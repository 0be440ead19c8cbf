//! A device takes up a link: from then on the session is its account's.

use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use symbolon_protocol::device::events::{Event, Withdrawal};
use symbolon_protocol::device::transaction::{FlowType, Transaction};
use symbolon_protocol::device_link::{DeviceLink, LinkKind, session_secret_digest};
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber};
use uuid::Uuid;

use super::device_link::{is_genuine, token_hash};
use super::rows::to_json;
use super::{EndResult, Session, SessionResult, Sessions, finish};
use crate::accounts::Account;
use crate::clock::Timestamp;
use crate::deliveries;
use crate::store::{Columns, StoreError, parse};

/// Once taken up, a person has at least this long to answer.
const TO_ANSWER: Duration = Duration::from_secs(60);

/// How much younger or older than it says a QR code may be: it is made anew each second, and has
/// to be scanned and sent. The documentation names no number.
const MAY_SEEM_YOUNGER: Duration = Duration::from_secs(2);
const MAY_BE_OLDER: Duration = Duration::from_secs(8);

/// A link that was taken up.
pub struct TakenUp {
    /// What is asked.
    pub transaction: Transaction,
    /// For the callback of a same-device flow.
    pub session_secret_digest: Option<String>,
}

/// Why a link was not taken up. Only [`LinkRefused::NotGenuine`] ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefused {
    /// There is no such session, or it is not for this account.
    Unknown,
    /// The link was not made by who got the session.
    NotGenuine,
    /// A picture of an earlier QR code.
    Stale,
    /// It was taken up before.
    Used,
    /// The session is over.
    Over,
    /// The account's level does not suffice.
    LevelTooLow,
}

impl Sessions {
    /// Takes up a link for an account. The same link again gives the same answer.
    pub async fn take_up(
        &self,
        account: &Account,
        link: DeviceLink,
    ) -> Result<Result<TakenUp, LinkRefused>, StoreError> {
        let scheme_name = self.scheme_name.clone();
        let taker = Taker {
            document_number: account.document_number.clone(),
            level: account.level,
        };
        let (outcome, touched) = self
            .store
            .write(move |connection| {
                Box::pin(async move { take_up(connection, &taker, &link, &scheme_name).await })
            })
            .await?;
        if let Some(session) = touched {
            self.announce_end(&session);
        }
        Ok(outcome)
    }
}

struct Taker {
    document_number: DocumentNumber,
    level: CertificateLevel,
}

type Outcome = (Result<TakenUp, LinkRefused>, Option<Session>);

async fn take_up(
    connection: &mut AnyConnection,
    taker: &Taker,
    link: &DeviceLink,
    scheme_name: &str,
) -> Result<Outcome, StoreError> {
    let now = Timestamp::now();
    let Some(stored) = find(connection, link).await? else {
        return Ok((Err(LinkRefused::Unknown), None));
    };
    let Some(mut session) = Session::load(connection, &stored.session).await? else {
        return Ok((Err(LinkRefused::Unknown), None));
    };
    match judge(&stored, &session, taker, link, scheme_name, now) {
        Judgment::Refused(refused) => Ok((Err(refused), None)),
        Judgment::Forged => {
            let result = SessionResult::without_signature(EndResult::ProtocolFailure);
            let reason = Withdrawal::Expired;
            finish(connection, &session, &result, None, reason, now).await?;
            Ok((Err(LinkRefused::NotGenuine), Some(session)))
        }
        Judgment::Again => Ok((Ok(stored.taken_up(&session, taker, link)), None)),
        Judgment::Taken => {
            bind(connection, &mut session, taker, link, now).await?;
            Ok((Ok(stored.taken_up(&session, taker, link)), Some(session)))
        }
    }
}

/// What becomes of a link.
#[derive(Debug, PartialEq, Eq)]
enum Judgment {
    Refused(LinkRefused),
    Forged,
    Again,
    Taken,
}

fn judge(
    stored: &Stored,
    session: &Session,
    taker: &Taker,
    link: &DeviceLink,
    scheme_name: &str,
    now: Timestamp,
) -> Judgment {
    if !stored.is_for(taker) {
        return Judgment::Refused(LinkRefused::Unknown);
    }
    if !session.is_running() || session.is_overdue(now) {
        return Judgment::Refused(LinkRefused::Over);
    }
    if let Some(opened_by) = &stored.opened_by {
        let same = *opened_by == taker.document_number.to_string()
            && stored.link_hash.as_deref() == Some(&token_hash(link.unprotected()))
            && is_genuine(link, &session.request, scheme_name, &stored.secret);
        return match same {
            true => Judgment::Again,
            false => Judgment::Refused(LinkRefused::Used),
        };
    }
    if !is_genuine(link, &session.request, scheme_name, &stored.secret) {
        return Judgment::Forged;
    }
    if !is_fresh(link.kind, now.remaining(session.created_at)) {
        return Judgment::Refused(LinkRefused::Stale);
    }
    if taker.level < stored.level {
        return Judgment::Refused(LinkRefused::LevelTooLow);
    }
    Judgment::Taken
}

/// Whether a link is as young as it must be, `age` after its session began.
fn is_fresh(kind: LinkKind, age: Duration) -> bool {
    match kind {
        LinkKind::Qr { elapsed_seconds } => {
            let says = Duration::from_secs(u64::from(elapsed_seconds));
            says <= age + MAY_SEEM_YOUNGER && age <= says + MAY_BE_OLDER
        }
        LinkKind::Web2App | LinkKind::App2App => true,
    }
}

async fn bind(
    connection: &mut AnyConnection,
    session: &mut Session,
    taker: &Taker,
    link: &DeviceLink,
    now: Timestamp,
) -> Result<(), StoreError> {
    session.request.flow_type = link.kind.flow_type();
    if session.request.flow_type == FlowType::QR {
        // What is signed in a QR flow names no callback, even where the session has one.
        session.request.initial_callback_url = None;
    }
    session.offered = vec![taker.document_number.clone()];
    session.expires_at = session.expires_at.max(now.plus(TO_ANSWER));
    sqlx::query("UPDATE session SET request = $2, offered = $3, expires_at = $4 WHERE id = $1")
        .bind(session.id.to_string())
        .bind(to_json(&session.request)?)
        .bind(to_json(&session.offered)?)
        .bind(session.expires_at.milliseconds())
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE device_link SET opened_by = $2, link_hash = $3 WHERE session = $1")
        .bind(session.id.to_string())
        .bind(taker.document_number.to_string())
        .bind(token_hash(link.unprotected()))
        .execute(&mut *connection)
        .await?;
    let offer = Event::Offered {
        transaction: session.id,
    };
    deliveries::append(connection, &taker.document_number, &offer, now).await
}

/// A link's row.
struct Stored {
    session: Uuid,
    secret: Vec<u8>,
    target: Option<(String, String)>,
    level: CertificateLevel,
    opened_by: Option<String>,
    link_hash: Option<String>,
}

async fn find(
    connection: &mut AnyConnection,
    link: &DeviceLink,
) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query(
        "SELECT session, secret, target_kind, target, level, opened_by, link_hash \
         FROM device_link WHERE token_hash = $1",
    )
    .bind(token_hash(&link.session_token))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(Stored::from_row).transpose()
}

impl Stored {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let kind = row.text("target_kind")?;
        Ok(Self {
            session: parse(&row.text("session")?)?,
            secret: row.octets("secret")?,
            target: row.optional_text("target")?.map(|target| (kind, target)),
            level: parse(&row.text("level")?)?,
            opened_by: row.optional_text("opened_by")?,
            link_hash: row.optional_text("link_hash")?,
        })
    }

    fn is_for(&self, taker: &Taker) -> bool {
        match &self.target {
            None => true,
            Some((kind, target)) if kind == "person" => {
                taker.document_number.person().to_string() == *target
            }
            Some((_, target)) => taker.document_number.to_string() == *target,
        }
    }

    fn taken_up(&self, session: &Session, taker: &Taker, link: &DeviceLink) -> TakenUp {
        let same_device = !matches!(link.kind, LinkKind::Qr { .. });
        TakenUp {
            transaction: session.transaction_for(&taker.document_number),
            session_secret_digest: same_device.then(|| session_secret_digest(&self.secret)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_fresh_for_seconds() {
        let qr = |elapsed_seconds| LinkKind::Qr { elapsed_seconds };
        for (says, age, fresh) in [
            (0, 0, true),
            (0, 8, true),
            (0, 9, false),
            (10, 10, true),
            (10, 18, true),
            (10, 19, false),
            (10, 8, true),
            (10, 7, false),
            (u32::MAX, 5, false),
        ] {
            let age = Duration::from_secs(age);
            assert_eq!(is_fresh(qr(says), age), fresh, "{says} {age:?}");
        }
        assert!(is_fresh(LinkKind::Web2App, Duration::from_secs(100)));
    }
}
