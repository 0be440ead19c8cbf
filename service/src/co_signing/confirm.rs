//! A device's half of a signature: checked, completed, combined, and committed at once.
//!
//! The order of checks is the promise:
//! 1. what was accepted before is answered again, byte for byte (a lost answer is no clone);
//! 2. the account must be usable;
//! 3. the share must fit the message that we rebuild from our own session;
//! 4. where we judge the PIN, a right one must have been proven for this message;
//! 5. a good share with a token that is not current means that there are two of the device: the
//!    account is closed;
//! 6. only then our half is used (the HSM may have made it ahead: [`super::prepare()`]), and one
//!    commit keeps token, result, stored answer and audit row, if account and session are still as
//!    they were read.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{Confirm, Confirmed};
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::split_key::{PartialSignature, Signature};
use uuid::Uuid;

use super::ahead::Told;
use super::answer::{self, Remembered, StoredAnswer};
use super::completion::{self, Completion, Outcome};
use super::to_sign::{Drawn, ToSign};
use crate::accounts::{Account, AccountKey, DeviceFingerprint, close};
use crate::clock::Timestamp;
use crate::pins;
use crate::random;
use crate::refusal::Refusal;
use crate::service::{Service, closed, require_released};
use crate::sessions::{EndResult, Session, SessionResult, SignedBy};
use crate::store::Announced;

/// Takes a device's half and answers with the whole signature. `body` is the request as it came.
pub async fn confirm(
    service: &Service,
    device: &DeviceFingerprint,
    address: IpAddr,
    transaction: Uuid,
    confirm: &Confirm,
    body: &[u8],
) -> Result<Confirmed, Refusal> {
    let announced = service.store.announce();
    let request_hash = request_hash(&transaction, body);
    let told = Told {
        transaction,
        drawn: Drawn {
            interaction: confirm.interaction,
            user_challenge: confirm.user_challenge.clone(),
            salt: confirm.salt.0.clone(),
        },
    };
    let (noted, begun) = service
        .ahead
        .take(device, &told)
        .map(|foreseen| (foreseen.remembered, (foreseen.to_sign, foreseen.half)))
        .unzip();
    let Remembered {
        account,
        last,
        session,
    } = match noted.filter(|noted| is_expected(confirm, noted)) {
        Some(noted) => noted,
        None => answer::remembered(service, device, &transaction).await?,
    };
    if let Some(stored) = &last
        && stored.answers(&request_hash)
    {
        return stored.reply();
    }
    require_released(&account, Timestamp::now())?;

    let session = session.ok_or_else(|| Refusal::not_found("transaction"))?;
    let (to_sign, ahead) = match begun {
        Some((to_sign, half)) => (to_sign, Some(half)),
        None => (
            ToSign::of(service, &account, &session, &told.drawn).await?,
            None,
        ),
    };
    let (key, message) = (&to_sign.key, &to_sign.message);
    let device_half = PartialSignature::from_octets(confirm.share.0.clone())
        .verified(message, key.split_key.device_modulus())
        .ok_or_else(|| bad_share(&account))?;
    if key.pin_is_proven {
        pins::require_proven(service, &account.document_number, to_sign.purpose, message).await?;
    }
    if !is_current(&confirm.freshness_token, &account) {
        return Err(close_as_clone(service, &account).await?);
    }
    if let Err(refusal) = require_waiting(&session) {
        // The same request may have been faster since its answer was looked for.
        let Remembered { last, .. } = answer::remembered(service, device, &transaction).await?;
        return match last.filter(|stored| stored.answers(&request_hash)) {
            Some(stored) => stored.reply(),
            None => Err(refusal),
        };
    }

    service.ahead.used(device);
    // The one that was made ahead, or a new one.
    let ahead = match ahead {
        Some(half) => half.await.ok(),
        None => None,
    };
    let service_half = match ahead {
        Some(half) => half,
        None => to_sign.half(service).await?,
    };
    let signature = key
        .split_key
        .combine(&device_half, &service_half)
        .map_err(|error| halves_do_not_fit(&account, error))?;
    complete(
        service,
        announced,
        address,
        &account,
        last,
        session,
        to_sign.purpose,
        key,
        confirm,
        signature,
        request_hash,
    )
    .await
}

/// Whether what was read ahead says that this confirmation is in order. Then it may be taken for
/// the present: the commit looks at everything that may have changed since, and if something did,
/// reads anew. What is not in order is judged by the present alone.
fn is_expected(confirm: &Confirm, noted: &Remembered) -> bool {
    is_current(&confirm.freshness_token, &noted.account)
        && require_released(&noted.account, Timestamp::now()).is_ok()
        && noted
            .session
            .as_ref()
            .is_some_and(|session| require_waiting(session).is_ok())
}

#[expect(
    clippy::too_many_arguments,
    reason = "everything that one commit brings together"
)]
async fn complete(
    service: &Service,
    announced: Announced,
    address: IpAddr,
    account: &Account,
    last: Option<StoredAnswer>,
    session: Session,
    purpose: KeyPurpose,
    key: &AccountKey,
    confirm: &Confirm,
    signature: Signature,
    request_hash: String,
) -> Result<Confirmed, Refusal> {
    let next_token = random::drawn(FreshnessToken::draw());
    let reply = Confirmed {
        signature: signature.as_slice().into(),
        freshness_token: next_token.as_str().to_owned(),
    };
    let share_address = session.request.share_device_address;
    let completion = Completion {
        account: account.clone(),
        last,
        result: SessionResult {
            end_result: EndResult::Ok,
            document_number: Some(account.document_number.clone()),
            interaction: Some(confirm.interaction),
            signed: Some(SignedBy {
                signature: signature.as_slice().into(),
                user_challenge: confirm.user_challenge.clone(),
                certificate: key.certificate.as_slice().into(),
                level: account.level,
                device_address: share_address.then(|| address.to_string()),
            }),
            chosen: None,
        },
        session,
        purpose,
        request_hash,
        reply,
        next_token_hash: hex::encode(next_token.digest()),
    };
    match completion::commit(service, announced, completion).await? {
        Outcome::Completed(reply) => Ok(reply),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

/// What makes two confirmations the same: the transaction and every octet of the body.
fn request_hash(transaction: &Uuid, body: &[u8]) -> String {
    hex::encode(
        Sha256::new()
            .chain_update(transaction.as_bytes())
            .chain_update(body)
            .finalize(),
    )
}

/// A session that was offered to the account, running or not.
pub(crate) async fn session_of(
    service: &Service,
    document_number: &DocumentNumber,
    transaction: &Uuid,
) -> Result<Session, Refusal> {
    service
        .sessions
        .find_kept(transaction)
        .await?
        .filter(|session| session.offered.contains(document_number))
        .ok_or_else(|| Refusal::not_found("transaction"))
}

/// Refuses unless the session still waits for an answer.
pub(crate) fn require_waiting(session: &Session) -> Result<(), Refusal> {
    match session.end_result() {
        None if !session.is_overdue(Timestamp::now()) => Ok(()),
        None | Some(EndResult::Timeout) => Err(Refusal::new(
            ProblemCode::Expired,
            "the transaction's time is over",
        )),
        Some(_) => Err(Refusal::new(
            ProblemCode::AlreadyAnswered,
            "the transaction was answered",
        )),
    }
}

fn bad_share(account: &Account) -> Refusal {
    tracing::warn!(account = %account.document_number, "a share does not fit its message");
    Refusal::new(ProblemCode::BadShare, "the share does not fit the message")
}

fn is_current(token: &str, account: &Account) -> bool {
    let digest = hex::decode(&account.token_hash).unwrap_or_default();
    FreshnessToken::parse(token).is_ok_and(|token| token.matches(&digest))
}

async fn close_as_clone(service: &Service, account: &Account) -> Result<Refusal, Refusal> {
    tracing::error!(account = %account.document_number, "a copy of the device was used");
    let document_number = account.document_number.clone();
    let ended = service
        .store
        .write(move |connection| {
            Box::pin(async move {
                close(
                    connection,
                    &document_number,
                    Closure::Clone,
                    Timestamp::now(),
                )
                .await
            })
        })
        .await?;
    service.announce(account, &ended);
    Ok(closed(Closure::Clone))
}

/// Each is right for this message by itself, so this cannot be; were it, nothing may leave.
fn halves_do_not_fit(account: &Account, error: impl std::fmt::Display) -> Refusal {
    tracing::error!(account = %account.document_number, %error, "two right halves do not fit");
    Refusal::new(
        ProblemCode::Unavailable,
        "the halves do not make a signature; nothing was signed, try again later",
    )
    .retry_after(5)
}
