//! Step 1: redeeming the code.

use sqlx::AnyConnection;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::enrolment::{BeginEnrolment, EnrolmentBegun};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, SemanticsIdentifier};

use super::invite::hash_of;
use super::stored::{Enrolment, EnrolmentState};
use crate::accounts::{DeviceFingerprint, close};
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::random;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::{Columns, StoreError, parse};

/// The longest name of a device, in characters.
const LONGEST_DEVICE_NAME: usize = 64;

/// Redeems a code for a device. The same device may repeat it.
pub async fn begin(
    service: &Service,
    device: DeviceFingerprint,
    begin: &BeginEnrolment,
) -> Result<EnrolmentBegun, Refusal> {
    begin_numbered(service, device, begin, None).await
}

/// The same under a document number that was not drawn, for accounts that are known by theirs.
pub async fn begin_as(
    service: &Service,
    device: DeviceFingerprint,
    begin: &BeginEnrolment,
    document_number: DocumentNumber,
) -> Result<EnrolmentBegun, Refusal> {
    begin_numbered(service, device, begin, Some(document_number)).await
}

async fn begin_numbered(
    service: &Service,
    device: DeviceFingerprint,
    begin: &BeginEnrolment,
    document_number: Option<DocumentNumber>,
) -> Result<EnrolmentBegun, Refusal> {
    let device_name = begin.device_name.clone();
    if device_name.chars().count() > LONGEST_DEVICE_NAME {
        return Err(Refusal::new(
            ProblemCode::Malformed,
            "the device's name is longer than 64 characters",
        ));
    }
    let code_hash = hash_of(&begin.code);
    let outcome = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                redeem(
                    connection,
                    &device,
                    &code_hash,
                    &device_name,
                    document_number,
                )
                .await
            })
        })
        .await?;
    let Some(enrolment) = outcome else {
        return Err(Refusal::new(
            ProblemCode::EnrolmentCode,
            "the enrolment code is wrong, used or expired; ask for a new one",
        ));
    };
    Ok(EnrolmentBegun {
        enrolment: enrolment.id,
        document_number: enrolment.document_number,
        person: enrolment.person,
        given_name: enrolment.given_name,
        surname: enrolment.surname,
        level: enrolment.level,
        release_key: service.keys.release_key_point().to_vec().into(),
    })
}

/// Finds or makes the enrolment; none if the code is of no use to this device.
async fn redeem(
    connection: &mut AnyConnection,
    device: &DeviceFingerprint,
    code_hash: &str,
    device_name: &str,
    document_number: Option<DocumentNumber>,
) -> Result<Option<Enrolment>, StoreError> {
    if let Some(known) = Enrolment::of_device(connection, device).await? {
        let same = known.code_hash == code_hash && known.state != EnrolmentState::Replaced;
        return Ok(same.then_some(known));
    }
    let now = Timestamp::now();
    let code = sqlx::query(
        "SELECT person, level FROM enrolment_code \
         WHERE code_hash = $1 AND spent_at IS NULL AND expires_at > $2",
    )
    .bind(code_hash)
    .bind(now.milliseconds())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(code) = code else { return Ok(None) };
    replace_earlier(connection, code_hash, now).await?;
    let person = parse(&code.text("person")?)?;
    let level = parse(&code.text("level")?)?;
    let document_number = match document_number {
        Some(number) => number,
        None => draw_document_number(connection, &person, level).await?,
    };
    sqlx::query(
        "INSERT INTO enrolment (id, code_hash, device_key, device_name, document_number, state, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(random::uuid().to_string())
    .bind(code_hash)
    .bind(device.to_string())
    .bind(device_name)
    .bind(document_number.to_string())
    .bind(EnrolmentState::Begun.as_str())
    .bind(now.milliseconds())
    .execute(&mut *connection)
    .await?;
    Entry::new(Action::EnrolmentBegun, "")
        .account(&document_number)
        .note(now)?;
    Enrolment::of_device(connection, device).await
}

/// Withdraws what was begun with this code by another device key and not activated.
async fn replace_earlier(
    connection: &mut AnyConnection,
    code_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let earlier = sqlx::query(
        "UPDATE enrolment SET state = 'replaced', reply = NULL WHERE code_hash = $1 \
         RETURNING document_number",
    )
    .bind(code_hash)
    .fetch_all(&mut *connection)
    .await?;
    for row in &earlier {
        let document_number = parse(&row.text("document_number")?)?;
        // Nothing waits for an account that never was open, so there is nothing to announce.
        close(connection, &document_number, Closure::Administrator, now).await?;
    }
    Ok(())
}

async fn draw_document_number(
    connection: &mut AnyConnection,
    person: &SemanticsIdentifier,
    level: CertificateLevel,
) -> Result<DocumentNumber, StoreError> {
    // A million suffixes for each person: a second draw is rare, a third unheard of.
    for _ in 0..64 {
        let suffix = random::drawn(DocumentNumber::draw_suffix());
        let number = DocumentNumber::new(person, &suffix, level)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        let taken = sqlx::query("SELECT 1 AS taken FROM enrolment WHERE document_number = $1")
            .bind(number.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        if taken.is_none() {
            return Ok(number);
        }
    }
    Err(StoreError::Damaged(format!(
        "{person} has no free document number"
    )))
}
