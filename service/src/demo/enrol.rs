//! Making a demo account: the steps of every enrolment, under a number that is known beforehand.

use p256::ecdsa::SigningKey;
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use symbolon_protocol::device::enrolment::{BeginEnrolment, DeviceKey, Hardware, RegisterKeys};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::identifiers::DocumentNumber;
use zeroize::Zeroizing;

use super::accounts::SURNAME;
use super::{DemoAccount, shares};
use crate::accounts::DeviceFingerprint;
use crate::enrolment::{self, Invitation, InviteError, invite};
use crate::keys::ServiceShare;
use crate::random;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::{Columns, StoreError, parse};

/// How the account now stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is new.
    Now,
    /// It was there.
    Before,
    /// It was there and was closed; it stays so.
    Closed,
}

/// Makes an account, unless it is there. What an interrupted call left is begun anew.
pub async fn enrol(service: &Service, account: &DemoAccount) -> Result<Made, Refusal> {
    let number: DocumentNumber = parse(account.document_number)?;
    if let Some(made) = standing(service, &number).await? {
        return Ok(made);
    }
    let code = invite(&service.store, invitation(account, &number))
        .await
        .map_err(not_invited)?
        .code;
    let device = DeviceFingerprint(random::octets());
    let begin = BeginEnrolment {
        code: code.to_string(),
        device_name: "DEMO, inside the service".into(),
    };
    let begun = enrolment::begin_as(service, device, &begin, number.clone()).await?;
    let authentication = shares::draw(&service.keys).await?;
    let signing = shares::draw(&service.keys).await?;
    let register = RegisterKeys {
        authentication: public(&authentication),
        signing: public(&signing),
        hardware: Hardware::Tpm {
            attestation_key: key_that_nobody_has()?.into(),
            description: "DEMO: no hardware".into(),
        },
    };
    let body = serde_json::to_vec(&register)
        .map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
    let registered =
        enrolment::register(service, device, begun.enrolment, &register, &body).await?;
    keep(
        service,
        &number,
        authentication,
        signing,
        registered.freshness_token,
    )
    .await?;
    enrolment::activate(service, device, begun.enrolment).await?;
    Ok(Made::Now)
}

fn invitation(account: &DemoAccount, number: &DocumentNumber) -> Invitation {
    Invitation {
        person: number.person(),
        given_name: account.given_name.into(),
        surname: SURNAME.into(),
        level: number.level(),
        birth_date: account.birth_date(),
    }
}

fn not_invited(error: InviteError) -> Refusal {
    match error {
        InviteError::Store(error) => error.into(),
        InviteError::Name(_) => Refusal::new(ProblemCode::Malformed, error.to_string()),
    }
}

/// How the account stands; none after what an interrupted call left was removed.
async fn standing(service: &Service, number: &DocumentNumber) -> Result<Option<Made>, StoreError> {
    let number = number.to_string();
    service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let state = sqlx::query("SELECT state FROM account WHERE document_number = $1")
                    .bind(number.as_str())
                    .fetch_optional(&mut *connection)
                    .await?
                    .map(|row| row.text("state"))
                    .transpose()?;
                match state.as_deref() {
                    Some("open") => Ok(Some(Made::Before)),
                    Some("closed") => Ok(Some(Made::Closed)),
                    _ => remove_unfinished(connection, &number).await.map(|()| None),
                }
            })
        })
        .await
}

/// Nobody was ever told of such an account.
async fn remove_unfinished(connection: &mut AnyConnection, number: &str) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM demo_device WHERE document_number = $1",
        "DELETE FROM account_key WHERE document_number = $1",
        "DELETE FROM certificate WHERE document_number = $1",
        "DELETE FROM account WHERE document_number = $1",
        "DELETE FROM enrolment WHERE document_number = $1",
    ] {
        sqlx::query(statement)
            .bind(number)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn keep(
    service: &Service,
    number: &DocumentNumber,
    authentication: ServiceShare,
    signing: ServiceShare,
    first_token: String,
) -> Result<(), StoreError> {
    let number = number.to_string();
    service
        .store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO demo_device (document_number, authentication_share, \
                     signing_share, first_token) VALUES ($1, $2, $3, $4)",
                )
                .bind(number)
                .bind(authentication.wrapped)
                .bind(signing.wrapped)
                .bind(first_token)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
}

fn public(share: &ServiceShare) -> DeviceKey {
    // The Name of an index that does not exist, another one for each key.
    let name = Sha256::digest(&share.modulus);
    DeviceKey {
        pin_proof_key: None,
        modulus: share.modulus.as_slice().into(),
        pin_index_name: [&[0x00, 0x0b], &name[..]].concat().into(),
    }
}

/// A demo account has no PIN whose count could be certified, so its certifying key is drawn and
/// forgotten: no lock can ever be reported for it.
fn key_that_nobody_has() -> Result<Vec<u8>, Refusal> {
    let octets = Zeroizing::new(random::octets::<32>());
    let key = SigningKey::from_slice(&*octets)
        .map_err(|error| Refusal::new(ProblemCode::Unavailable, error.to_string()))?;
    Ok(key
        .verifying_key()
        .to_encoded_point(false)
        .as_bytes()
        .to_vec())
}
