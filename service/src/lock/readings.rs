//! A lock begins with a reading of the counter that the hardware certified over our nonce.

use std::time::Duration;

use sqlx::AnyConnection;
use symbolon_protocol::attestation::{ReadingError, read_certified_count};
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::lock::{LockChallenge, LockState, ReportReading};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::token_reading;

use super::{Verdict, judge, stored};
use crate::accounts::{Account, AccountKey, DeviceFingerprint, Standing, close};
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::deliveries;
use crate::pins;
use crate::random;
use crate::refusal::Refusal;
use crate::service::{Service, closed};
use crate::sessions::{self, Session};
use crate::store::{Columns, StoreError};

/// How long a nonce can be reported over.
const NONCE_HOLDS: Duration = Duration::from_secs(60);

/// Draws a nonce for one report. An earlier one of the same account is void from now on.
pub async fn challenge(
    service: &Service,
    device: &DeviceFingerprint,
) -> Result<LockChallenge, Refusal> {
    let account = service.account_of(device).await?;
    let nonce = random::octets::<32>();
    service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let document_number = account.document_number.to_string();
                sqlx::query("DELETE FROM nonce WHERE document_number = $1")
                    .bind(document_number.as_str())
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "INSERT INTO nonce (value, document_number, expires_at) VALUES ($1, $2, $3)",
                )
                .bind(hex::encode(nonce))
                .bind(document_number)
                .bind(Timestamp::now().plus(NONCE_HOLDS).milliseconds())
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await?;
    Ok(LockChallenge {
        nonce: nonce.to_vec().into(),
    })
}

/// Takes a certified reading and answers how the account stands after it. The nonce is used up
/// whatever the reading says.
pub async fn report(
    service: &Service,
    device: &DeviceFingerprint,
    report: ReportReading,
) -> Result<LockState, Refusal> {
    let account = service.account_of(device).await?;
    if let Standing::Registered = account.standing {
        return Err(Refusal::not_found("activated account"));
    }
    let key = service
        .account_keys
        .get(&service.store, &account.document_number, report.purpose)
        .await?;
    let nonce = take_nonce(service, &account).await?;
    let count = certified_count(&account, &report, nonce.as_deref(), &key)
        .map_err(|error| Refusal::new(ProblemCode::BadReading, error.to_string()))?;
    let purpose = report.purpose;
    let before = account.clone();
    let (verdict, after, ended) = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                pins::note_failures(
                    connection,
                    &account.document_number,
                    purpose,
                    count.failures,
                )
                .await?;
                take_count(connection, &account, purpose, count).await
            })
        })
        .await?;
    service.announce(&before, &ended);
    match verdict {
        Verdict::NotLocked => Err(Refusal::new(
            ProblemCode::BadReading,
            "the counter is below its limit; nothing is locked",
        )),
        Verdict::Held | Verdict::Begin { .. } | Verdict::Close => {
            Ok(after.lock_state(Timestamp::now()))
        }
    }
}

fn certified_count(
    account: &Account,
    report: &ReportReading,
    nonce: Option<&[u8]>,
    key: &AccountKey,
) -> Result<PinCount, ReadingError> {
    let nonce = nonce.ok_or(ReadingError::Nonce)?;
    if key.pin_is_proven {
        return token_reading::read(
            &report.reading,
            &account.attestation_key,
            nonce,
            &key.pin_index_name,
        );
    }
    let attestation_key = account
        .attestation_key
        .as_slice()
        .try_into()
        .map_err(|_| ReadingError::AttestationKey)?;
    read_certified_count(&report.reading, attestation_key, nonce, &key.pin_index_name)
}

/// The account's nonce if it still holds; it is gone afterwards.
async fn take_nonce(service: &Service, account: &Account) -> Result<Option<Vec<u8>>, StoreError> {
    let document_number = account.document_number.to_string();
    service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(
                    "DELETE FROM nonce WHERE document_number = $1 RETURNING value, expires_at",
                )
                .bind(document_number)
                .fetch_optional(connection)
                .await?;
                let Some(row) = row else { return Ok(None) };
                let holds = row.moment("expires_at")? > Timestamp::now();
                Ok(hex::decode(row.text("value")?).ok().filter(|_| holds))
            })
        })
        .await
}

/// Does what follows from a PIN's count.
pub(crate) async fn take_count(
    connection: &mut AnyConnection,
    account: &Account,
    purpose: KeyPurpose,
    count: PinCount,
) -> Result<(Verdict, Account, Vec<Session>), StoreError> {
    let now = Timestamp::now();
    let document_number = &account.document_number;
    let held = stored::load(connection, document_number, purpose).await?;
    let verdict = judge(count, held, now);
    let ended = match verdict {
        Verdict::NotLocked | Verdict::Held => Vec::new(),
        Verdict::Close => close(connection, document_number, Closure::Lockout, now).await?,
        Verdict::Begin { until } => {
            stored::begin(
                connection,
                document_number,
                purpose,
                count.limit,
                now,
                until,
            )
            .await?;
            let detail = format!("{} at limit {}", purpose.as_str(), count.limit);
            Entry::new(Action::Locked, detail)
                .account(document_number)
                .note(now)?;
            let ended = sessions::cancel_for(connection, document_number, now).await?;
            let changed = Event::AccountChanged {};
            deliveries::append(connection, document_number, &changed, now).await?;
            ended
        }
    };
    let after = Account::load(connection, document_number)
        .await?
        .ok_or_else(|| StoreError::Damaged(format!("{document_number} is gone")))?;
    Ok((verdict, after, ended))
}

/// Refuses what a closed account may not do any more.
pub(super) fn require_not_closed(account: &Account) -> Result<(), Refusal> {
    match account.standing {
        Standing::Closed(closure) => Err(closed(closure)),
        Standing::Registered | Standing::Open { .. } => Ok(()),
    }
}
