//! One demo account's device: it is told of transactions, waits a little, and answers them by the
//! functions that answer everybody's device.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::acsp::UserChallengeVerifier;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{Confirm, Confirmed, Transaction};
use symbolon_protocol::device_link::DeviceLink;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::transaction::rebuild_message;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::answer::{self, Answer};
use super::callback::{Callback, Caller};
use super::{DemoAccount, Outcome};
use crate::accounts::DeviceFingerprint;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::LinkRefused;
use crate::store::{Columns, Store, StoreError, parse};
use crate::{co_signing, deliveries, random};

/// From where demo devices call.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How long to trust in hints before looking into the store again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long to rest when the store or the token failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// A device.
pub(super) struct Device {
    document_number: DocumentNumber,
    fingerprint: DeviceFingerprint,
    outcome: Outcome,
    authentication_share: Vec<u8>,
    signing_share: Vec<u8>,
    first_token: String,
    /// What waits for the end of a link's session. Held while an answer is given, because the next
    /// one needs the token that comes with it.
    callbacks: Mutex<HashMap<Uuid, Callback>>,
}

impl Device {
    /// The device of an account, if `demo init` has made it.
    pub(super) async fn load(
        store: &Store,
        account: &DemoAccount,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(
            "SELECT a.device_key, d.authentication_share, d.signing_share, d.first_token \
             FROM demo_device d JOIN account a ON a.document_number = d.document_number \
             WHERE d.document_number = $1 AND a.state = 'open'",
        )
        .bind(account.document_number)
        .fetch_optional(&mut *store.reader().await?)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            document_number: parse(account.document_number)?,
            fingerprint: fingerprint(&row.text("device_key")?)?,
            outcome: account.outcome,
            authentication_share: row.octets("authentication_share")?,
            signing_share: row.octets("signing_share")?,
            first_token: row.text("first_token")?,
            callbacks: Mutex::default(),
        }))
    }

    pub(super) fn document_number(&self) -> &DocumentNumber {
        &self.document_number
    }

    /// Answers what comes, until the service stops.
    pub(super) async fn live(
        self: Arc<Self>,
        service: Service,
        caller: Arc<Caller>,
        answer_after: Duration,
    ) {
        let hints = service.sessions.hints();
        let watch = hints.watch_device(self.document_number.clone());
        let mut stopping = hints.stopping();
        let mut inbox = Inbox::default();
        while !*stopping.borrow_and_update() {
            let changed = watch.changed();
            let turn = self.turn(&service, &caller, answer_after, &mut inbox, &stopping);
            let pause = turn.await.unwrap_or_else(|error| {
                tracing::warn!(account = %self.document_number, %error, "a demo device rests");
                AFTER_FAILURE
            });
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(pause) => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// Takes a link up, as a person who opened it would, and leaves its callback for the end.
    pub(super) async fn open(
        &self,
        service: &Service,
        link: DeviceLink,
        cookie: Option<http::HeaderValue>,
    ) -> Result<Result<(), LinkRefused>, Refusal> {
        let account = service.usable_account_of(&self.fingerprint).await?;
        let mut callbacks = self.callbacks.lock().await;
        let taken = match service.sessions.take_up(&account, link).await? {
            Ok(taken) => taken,
            Err(refused) => return Ok(Err(refused)),
        };
        let url = taken.transaction.initial_callback_url;
        if let (Some(url), Some(digest)) = (url, taken.session_secret_digest) {
            callbacks.insert(taken.transaction.id, Callback::new(url, digest, cookie));
        }
        Ok(Ok(()))
    }

    /// Hears what is new and answers what is due; says how long to rest.
    async fn turn(
        &self,
        service: &Service,
        caller: &Arc<Caller>,
        answer_after: Duration,
        inbox: &mut Inbox,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Duration, StoreError> {
        let events = deliveries::after(&service.store, &self.document_number, inbox.cursor).await?;
        for event in events {
            inbox.hear(event.cursor, &event.event, Instant::now() + answer_after);
        }
        while !*stopping.borrow()
            && let Some(id) = inbox.take_due(Instant::now())
        {
            self.answer(service, caller, id).await;
        }
        Ok(inbox.next_due().map_or(LOOK_AGAIN, |due| {
            due.saturating_duration_since(Instant::now())
        }))
    }

    /// Answers one transaction. What goes wrong is what goes wrong for devices: it is told in the
    /// log, and the session runs out.
    async fn answer(&self, service: &Service, caller: &Arc<Caller>, id: Uuid) {
        let mut callbacks = self.callbacks.lock().await;
        let callback = callbacks.remove(&id);
        let verifier = random::drawn(UserChallengeVerifier::draw());
        match self.try_answer(service, id, &verifier).await {
            Ok(Answered::Nothing) => {}
            Ok(answered) => {
                if let Some(callback) = callback {
                    let approved = answered == Answered::Confirmed;
                    caller.call(callback, approved.then_some(verifier));
                }
            }
            // Another device of the person, or the end of its time, was faster.
            Err(refusal)
                if [ProblemCode::AlreadyAnswered, ProblemCode::Expired].contains(&refusal.code) => {
            }
            Err(refusal) => {
                let detail = refusal.detail;
                tracing::warn!(account = %self.document_number, detail, "a demo device failed");
            }
        }
    }

    async fn try_answer(
        &self,
        service: &Service,
        id: Uuid,
        verifier: &UserChallengeVerifier,
    ) -> Result<Answered, Refusal> {
        let session = co_signing::session_of(service, &self.document_number, &id).await?;
        co_signing::require_waiting(&session)?;
        let transaction = session.transaction_for(&self.document_number);
        match answer::to(self.outcome, &transaction) {
            Answer::Nothing => Ok(Answered::Nothing),
            Answer::Refuse(refuse) => {
                co_signing::refuse(service, &self.fingerprint, id, &refuse).await?;
                Ok(Answered::Refused)
            }
            Answer::Consent => {
                co_signing::consent(service, &self.fingerprint, ADDRESS, id).await?;
                Ok(Answered::Consented)
            }
            Answer::Confirm(interaction) => {
                let confirm = self
                    .half_of(service, &transaction, interaction, verifier)
                    .await?;
                let body = serde_json::to_vec(&confirm)
                    .map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
                let device = &self.fingerprint;
                co_signing::confirm(service, device, ADDRESS, id, &confirm, &body).await?;
                Ok(Answered::Confirmed)
            }
        }
    }

    /// The device's half of the signature, and all that goes with it.
    async fn half_of(
        &self,
        service: &Service,
        transaction: &Transaction,
        interaction: InteractionType,
        verifier: &UserChallengeVerifier,
    ) -> Result<Confirm, Refusal> {
        let content = &transaction.content;
        let (Some(purpose), Some(terms)) = (content.purpose(), content.terms()) else {
            let detail = "nothing is to be signed";
            return Err(Refusal::new(ProblemCode::Malformed, detail));
        };
        let key = service
            .account_keys
            .get(&service.store, &self.document_number, purpose)
            .await?;
        let salt = random::drawn(terms.signature_algorithm.draw_salt());
        let user_challenge = transaction
            .takes_user_challenge()
            .then(|| verifier.challenge());
        let message = rebuild_message(
            transaction,
            interaction,
            user_challenge.as_deref(),
            &salt,
            key.split_key.modulus(),
        )
        .map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
        let share = match purpose {
            KeyPurpose::Authentication => &self.authentication_share,
            KeyPurpose::Signing => &self.signing_share,
        };
        let half = service
            .keys
            .half_signature(share, &message.reduced(key.split_key.device_modulus()))
            .await?;
        Ok(Confirm {
            share: half.as_slice().into(),
            salt: salt.into(),
            interaction,
            user_challenge,
            freshness_token: self.token(&service.store).await?,
        })
    }

    /// What to present next. The service keeps the answer that it is in for a device whose
    /// connection broke; a demo device reads it there each time, and so survives every crash.
    async fn token(&self, store: &Store) -> Result<String, StoreError> {
        let kept = sqlx::query("SELECT answer FROM account WHERE document_number = $1")
            .bind(self.document_number.to_string())
            .fetch_one(&mut *store.reader().await?)
            .await?;
        let Some(kept) = kept.optional_text("answer")? else {
            return Ok(self.first_token.clone());
        };
        let kept: Confirmed =
            serde_json::from_str(&kept).map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(kept.freshness_token)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Confirmed,
    Consented,
    Refused,
    Nothing,
}

/// What a device was told and has not answered.
#[derive(Default)]
struct Inbox {
    cursor: Option<i64>,
    waiting: HashMap<Uuid, Instant>,
}

impl Inbox {
    fn hear(&mut self, cursor: i64, event: &Event, due: Instant) {
        self.cursor = Some(cursor);
        match event {
            Event::Offered { transaction } => {
                self.waiting.insert(*transaction, due);
            }
            Event::Withdrawn { transaction, .. } => {
                self.waiting.remove(transaction);
            }
            Event::AccountChanged {} | Event::Hello { .. } => {}
        }
    }

    fn take_due(&mut self, now: Instant) -> Option<Uuid> {
        let (id, due) = self.waiting.iter().min_by_key(|(_, due)| **due)?;
        let id = (*due <= now).then_some(*id)?;
        self.waiting.remove(&id);
        Some(id)
    }

    fn next_due(&self) -> Option<Instant> {
        self.waiting.values().min().copied()
    }
}

fn fingerprint(text: &str) -> Result<DeviceFingerprint, StoreError> {
    let mut octets = [0; 32];
    hex::decode_to_slice(text, &mut octets)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(DeviceFingerprint(octets))
}
