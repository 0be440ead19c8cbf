//! A device declines for its person, or for itself.

use sqlx::AnyConnection;
use symbolon_protocol::device::Done;
use symbolon_protocol::device::events::Withdrawal;
use symbolon_protocol::device::transaction::{RefusalReason, Refuse};
use symbolon_protocol::identifiers::DocumentNumber;
use uuid::Uuid;

use super::confirm::{require_waiting, session_of};
use crate::accounts::DeviceFingerprint;
use crate::audit::{Action, Entry};
use crate::clock::Timestamp;
use crate::muting;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::{self, EndResult, Session, SessionResult};
use crate::store::StoreError;

/// Ends a transaction without a signature. Repeating it changes nothing and is no error.
pub async fn refuse(
    service: &Service,
    device: &DeviceFingerprint,
    transaction: Uuid,
    refuse: &Refuse,
) -> Result<Done, Refusal> {
    let account = service.usable_account_of(device).await?;
    let session = session_of(service, &account.document_number, &transaction).await?;
    let result = result_of(refuse, session.request.purpose().is_some());
    if session.end_result() == Some(result.end_result) {
        return Ok(Done {});
    }
    require_waiting(&session)?;
    let ended = session.clone();
    let not_started = refuse.reason == RefusalReason::NotStarted;
    let finished = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                let now = Timestamp::now();
                let by = &account.document_number;
                let reason = Withdrawal::AnsweredElsewhere;
                if !sessions::end(connection, &session, &result, Some(by), reason, now).await? {
                    return Ok(false);
                }
                entry_of(connection, &session, &result, by, not_started, now)
                    .await?
                    .account(by)
                    .relying_party(session.relying_party)
                    .note(now)?;
                // Only now: who was just muted does not get the next turn.
                sessions::pass_on(connection, &session, now).await?;
                Ok(true)
            })
        })
        .await?;
    if !finished {
        return Err(Refusal::new(
            symbolon_protocol::device::problem::ProblemCode::AlreadyAnswered,
            "the transaction was answered",
        ));
    }
    service.sessions.announce_end(&ended);
    Ok(Done {})
}

/// What stands in the audit trail; whoever asked what nobody started is muted in the same commit.
async fn entry_of(
    connection: &mut AnyConnection,
    session: &Session,
    result: &SessionResult,
    by: &DocumentNumber,
    not_started: bool,
    now: Timestamp,
) -> Result<Entry, StoreError> {
    if !not_started {
        let detail = format!("{}, session {}", result.end_result, session.id);
        return Ok(Entry::new(Action::Refused, detail));
    }
    let muted_until = muting::report(connection, session, by, now).await?;
    let muted = muted_until.map(|until| format!(", muted until {}", until.seconds_rounded_up()));
    let detail = format!("session {}{}", session.id, muted.unwrap_or_default());
    Ok(Entry::new(Action::NotStarted, detail))
}

fn result_of(refuse: &Refuse, is_to_be_signed: bool) -> SessionResult {
    let end_result = match (refuse.reason, refuse.interaction) {
        (RefusalReason::User | RefusalReason::NotStarted, _) if !is_to_be_signed => {
            EndResult::UserRefusedCertChoice
        }
        (RefusalReason::User | RefusalReason::NotStarted, None) => EndResult::UserRefused,
        (RefusalReason::User | RefusalReason::NotStarted, Some(_)) => {
            EndResult::UserRefusedInteraction
        }
        (RefusalReason::WrongVerificationCode, _) => EndResult::WrongVc,
        (RefusalReason::NoSupportedInteraction, _) => {
            EndResult::RequiredInteractionNotSupportedByApp
        }
        (RefusalReason::ProtocolFailure, _) => EndResult::ProtocolFailure,
    };
    SessionResult {
        interaction: refuse
            .interaction
            .filter(|_| end_result == EndResult::UserRefusedInteraction),
        ..SessionResult::without_signature(end_result)
    }
}
