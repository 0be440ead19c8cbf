//! A person agrees to let a relying party know their signing certificate. No key is used, so
//! neither share nor token is judged; what is checked is that nothing was to be signed.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::AnyConnection;
use symbolon_protocol::device::events::Withdrawal;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::Consented;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use uuid::Uuid;

use super::confirm::{require_waiting, session_of};
use crate::accounts::{Account, DeviceFingerprint};
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::refusal::Refusal;
use crate::service::{Service, require_usable};
use crate::sessions::{self, ChosenCertificate, EndResult, Session, SessionResult, SessionState};
use crate::store::StoreError;

/// Completes a certificate choice. Repeating it changes nothing and is no error.
pub async fn consent(
    service: &Service,
    device: &DeviceFingerprint,
    address: IpAddr,
    transaction: Uuid,
) -> Result<Consented, Refusal> {
    let account = service.usable_account_of(device).await?;
    let document_number = account.document_number.clone();
    let session = session_of(service, &document_number, &transaction).await?;
    if session.request.purpose().is_some() {
        return Err(Refusal::new(
            ProblemCode::Malformed,
            "this is to be signed; a consent is not enough",
        ));
    }
    if !was_given_by(&session, &document_number) {
        require_waiting(&session)?;
    }
    let key = service
        .account_keys
        .get(&service.store, &document_number, KeyPurpose::Signing)
        .await?;
    let share_address = session.request.share_device_address;
    let result = SessionResult {
        end_result: EndResult::Ok,
        document_number: Some(document_number.clone()),
        interaction: None,
        signed: None,
        chosen: Some(ChosenCertificate {
            certificate: key.certificate.as_slice().into(),
            level: account.level,
            device_address: share_address.then(|| address.to_string()),
        }),
    };
    let ended = session.clone();
    let committed = service
        .store
        .write(move |connection| {
            Box::pin(async move { apply(connection, &session, &result, &document_number).await })
        })
        .await??;
    service.sessions.announce_end(&ended);
    Ok(Consented {
        linked_within_seconds: committed
            .map(|within| u32::try_from(within.as_secs()).unwrap_or(u32::MAX)),
    })
}

/// Everything that becomes true together. Answers how long a linked signature may be asked for.
async fn apply(
    connection: &mut AnyConnection,
    session: &Session,
    result: &SessionResult,
    by: &DocumentNumber,
) -> Result<Result<Option<Duration>, Refusal>, StoreError> {
    let now = Timestamp::now();
    let account = Account::load(connection, by)
        .await?
        .ok_or_else(|| StoreError::Damaged(format!("{by} is gone")))?;
    if let Err(refusal) = require_usable(&account, now) {
        return Ok(Err(refusal));
    }
    let reason = Withdrawal::AnsweredElsewhere;
    if sessions::finish(connection, session, result, Some(by), reason, now).await? {
        sessions::announce_linked(connection, session, by, now).await?;
        Entry::new(Action::Consented, format!("session {}", session.id))
            .account(by)
            .relying_party(session.relying_party)
            .note(now)?;
    } else {
        let stands = Session::load(connection, &session.id).await?;
        if !stands.is_some_and(|session| was_given_by(&session, by)) {
            return Ok(Err(Refusal::new(
                ProblemCode::AlreadyAnswered,
                "the transaction was answered",
            )));
        }
    }
    let within = sessions::linked_within(connection, session, now).await?;
    Ok(Ok(within))
}

fn was_given_by(session: &Session, document_number: &DocumentNumber) -> bool {
    match &session.state {
        SessionState::Running => false,
        SessionState::Complete { result, .. } => {
            result.chosen.is_some() && result.document_number.as_ref() == Some(document_number)
        }
    }
}
