//! Which accounts a relying party means.

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, SemanticsIdentifier};
use uuid::Uuid;

use super::Sessions;
use crate::clock::Timestamp;
use crate::store::{Batch, Columns, Done, StoreError, parse};

/// Whom a relying party asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A person: all their devices.
    Person(SemanticsIdentifier),
    /// One account.
    Document(DocumentNumber),
}

impl Target {
    /// Whom it is about, whether or not there is such an account.
    pub(crate) fn person(&self) -> SemanticsIdentifier {
        match self {
            Self::Person(person) => person.clone(),
            Self::Document(document_number) => document_number.person(),
        }
    }
}

/// The accounts behind a target.
pub(super) enum Resolved {
    /// There is none.
    Nobody,
    /// There are some, but none of the level.
    NoneSuitable,
    /// There is none yet: the person has begun to enrol, and not finished.
    NotFinished,
    /// There are some of the level.
    Usable(Usable),
}

/// The accounts that can be asked, and how their person stands towards the relying party that asks.
#[derive(Debug, Default)]
pub(super) struct Usable {
    /// Empty if all that suit are locked.
    pub(super) accounts: Vec<DocumentNumber>,
    /// Whether the relying party does not reach the person for now ([`crate::muting`]).
    pub(super) is_muted: bool,
    /// Whether one of them waits for a signature which the relying party announced and has not
    /// asked for ([`super::linked`]).
    pub(super) awaits_signature: bool,
}

/// The signing certificate of a document number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateAnswer {
    /// There is no such account.
    NotFound,
    /// Its level is too low.
    NotSuitable,
    /// It is locked.
    Unusable,
    /// Here it is.
    Found {
        /// DER.
        certificate: Vec<u8>,
        /// Its level.
        level: CertificateLevel,
    },
}

impl Sessions {
    /// Looks for the signing certificate of an account.
    pub async fn signing_certificate(
        &self,
        document_number: &DocumentNumber,
        level: CertificateLevel,
    ) -> Result<CertificateAnswer, StoreError> {
        let mut connection = self.store.reader().await?;
        let target = Target::Document(document_number.clone());
        match resolve(&mut connection, &target, level, None, Timestamp::now()).await? {
            Resolved::Nobody | Resolved::NotFinished => return Ok(CertificateAnswer::NotFound),
            Resolved::NoneSuitable => return Ok(CertificateAnswer::NotSuitable),
            Resolved::Usable(usable) if usable.accounts.is_empty() => {
                return Ok(CertificateAnswer::Unusable);
            }
            Resolved::Usable(_) => {}
        }
        let row = sqlx::query(
            "SELECT c.der, a.level FROM account a \
             JOIN account_key k ON k.document_number = a.document_number \
             JOIN certificate c ON c.serial = k.certificate_serial \
             WHERE a.document_number = $1 AND k.purpose = 'signing'",
        )
        .bind(document_number.to_string())
        .fetch_one(&mut *connection)
        .await?;
        Ok(CertificateAnswer::Found {
            certificate: row.octets("der")?,
            level: parse(&row.text("level")?)?,
        })
    }
}

async fn without_account(
    connection: &mut AnyConnection,
    target: &Target,
) -> Result<Resolved, StoreError> {
    let Target::Person(person) = target else {
        return Ok(Resolved::Nobody);
    };
    let begun = sqlx::query("SELECT 1 FROM account WHERE person = $1 AND state = 'registered'")
        .bind(person.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(match begun {
        Some(_) => Resolved::NotFinished,
        None => Resolved::Nobody,
    })
}

/// Everything about a target that a request depends on. `asker` is the relying party, if it matters
/// who asks.
pub(super) async fn resolve(
    connection: &mut AnyConnection,
    target: &Target,
    level: CertificateLevel,
    asker: Option<&Uuid>,
    now: Timestamp,
) -> Result<Resolved, StoreError> {
    let mut batch = Batch::default();
    ask(&mut batch, target, asker, now);
    let [accounts] = batch.run_as(connection).await?;
    resolved(connection, &accounts, target, level).await
}

/// Adds the question behind [`resolve`] to what is sent together; [`resolved`] takes the answer.
pub(super) fn ask(batch: &mut Batch, target: &Target, asker: Option<&Uuid>, now: Timestamp) {
    // A lock whose time is over stands in nobody's way: the device asks for its release before
    // the PIN. A closed account is as good as none.
    macro_rules! accounts_where {
        ($whose:literal) => {
            concat!(
                "SELECT a.document_number, a.level, \
                 (SELECT COUNT(*) FROM pin_lock l WHERE l.document_number = a.document_number \
                  AND l.released_at IS NULL AND l.until > $2) AS locks, \
                 (SELECT COUNT(*) FROM mute m WHERE m.person = a.person \
                  AND m.relying_party = $3 AND m.until > $2) AS mutes, \
                 (SELECT COUNT(*) FROM certificate_choice c \
                  WHERE c.document_number = a.document_number AND c.relying_party = $3 \
                  AND c.until > $2 AND c.linked_session IS NULL) AS announced \
                 FROM account a WHERE ",
                $whose,
                " = $1 AND a.state = 'open' AND a.expires_at > $2 \
                 ORDER BY a.created_at, a.document_number"
            )
        };
    }
    let (statement, name) = match target {
        Target::Person(person) => (accounts_where!("a.person"), person.to_string()),
        Target::Document(document_number) => (
            accounts_where!("a.document_number"),
            document_number.to_string(),
        ),
    };
    batch
        .add(statement)
        .bind(name)
        .bind(now.milliseconds())
        .bind(asker.map(Uuid::to_string));
}

/// What the answer to [`ask`] says about the accounts of a level.
pub(super) async fn resolved(
    connection: &mut AnyConnection,
    accounts: &Done,
    target: &Target,
    level: CertificateLevel,
) -> Result<Resolved, StoreError> {
    if accounts.rows.is_empty() {
        return without_account(connection, target).await;
    }
    let mut suitable = false;
    let mut usable = Usable::default();
    for row in &accounts.rows {
        if parse::<CertificateLevel>(&row.text("level")?)? < level {
            continue;
        }
        suitable = true;
        if row.number("locks")? == 0 {
            usable.accounts.push(parse(&row.text("document_number")?)?);
            usable.is_muted |= row.number("mutes")? > 0;
            usable.awaits_signature |= row.number("announced")? > 0;
        }
    }
    Ok(match suitable {
        true => Resolved::Usable(usable),
        false => Resolved::NoneSuitable,
    })
}
