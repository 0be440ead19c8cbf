//! Creating a session: resolving whom it means, storing it and offering it to their devices, in
//! one commit.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sqlx::AnyConnection;
use symbolon_protocol::device::events::Event;
use symbolon_protocol::device::transaction::{Content, FlowType, SigningTerms};
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, KeyPurpose};
use symbolon_protocol::verification_code::VerificationCode;
use uuid::Uuid;

use super::linked;
use super::prompts;
use super::rows::to_json;
use super::targets::{self, Resolved};
use super::{ApiVersion, EndResult, Session, SessionRequest, SessionResult, Sessions, Target};
use crate::clock::Timestamp;
use crate::store::{Batch, Columns, Done, StoreError, each_of, parse};
use crate::{deliveries, metrics, random};

/// The same request within this time gets the same session (RP API 3, "idempotency").
const REPEATED_WITHIN: Duration = Duration::from_secs(15);

/// What a relying party asks, parsed and permitted, whomever it asks.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// Who asks.
    pub relying_party: Uuid,
    /// The name as sent.
    pub relying_party_name: String,
    /// The relying party behind a broker.
    pub brokered_relying_party_name: Option<String>,
    /// The least level that will do.
    pub level: CertificateLevel,
    /// For what.
    pub asked: Asked,
    /// Request properties that we do not know.
    pub ignored_properties: Vec<String>,
    /// Whether the device's address is reported.
    pub share_device_address: bool,
}

/// An inquiry that is pushed to the person's devices.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// What is asked.
    pub inquiry: Inquiry,
    /// Whom.
    pub target: Target,
    /// SHA-256 over everything that makes two requests the same (path and body); absent for
    /// authentication in version 3, whose challenge is unique anyway.
    pub repeat_key: Option<[u8; 32]>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A login.
    Authentication {
        /// Base64 as sent.
        rp_challenge: String,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// A signature.
    Signature {
        /// As long as the algorithm's hash.
        digest: Vec<u8>,
        /// The certificate choice that announced it, if it is a linked one.
        linked_session: Option<Uuid>,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// A login or a signature of version 2.
    BareDigest {
        /// Which.
        purpose: KeyPurpose,
        /// As long as the algorithm's hash.
        digest: Vec<u8>,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// The signing certificate.
    CertificateChoice,
    /// The same in version 2.
    OldCertificateChoice,
}

impl Asked {
    fn version(&self) -> ApiVersion {
        match self {
            Self::BareDigest { .. } | Self::OldCertificateChoice => ApiVersion::V2,
            Self::Authentication { .. } | Self::Signature { .. } | Self::CertificateChoice => {
                ApiVersion::V3
            }
        }
    }
}

/// A session that now exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its name.
    pub session: Uuid,
    /// Four digits, for signatures.
    pub verification_code: Option<String>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no such person or account.
    #[error("there is no such account")]
    NoAccount,
    /// There are accounts, but none of the level.
    #[error("there is no account of the level")]
    NoSuitableAccount,
    /// There is none yet: somebody has begun to enrol, and not finished.
    #[error("the enrolment is not finished")]
    NotFinished,
    /// No certificate choice announced this signature, or not in time, or another was before it.
    #[error("no certificate choice announced this signature")]
    NotAnnounced,
    /// The store is out of order; nothing was begun.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Creates a session and offers it to the devices. Where every suitable account is locked, the
    /// session is over at once with `DOCUMENT_UNUSABLE`; where one waits for a linked signature of
    /// the same relying party and this is none, with `EXPECTED_LINKED_SESSION`.
    pub async fn create(&self, new: NewSession) -> Result<Created, CreateError> {
        let lifetime = self.lifetime;
        let request = self.request_of(&new.inquiry, FlowType::Notification);
        let verification_code = verification_code_of(&request).cloned();
        let session = random::uuid();
        let now = Timestamp::now();
        let questions = questions_of(&new, now);
        let outcome = self
            .store
            .write_from(questions, move |connection, answers| {
                Box::pin(async move {
                    let beginning = Beginning {
                        session,
                        request: &request,
                        now,
                        expires_at: now.plus(lifetime),
                    };
                    insert(connection, answers, &new, beginning).await
                })
            })
            .await?;
        match outcome {
            Outcome::Nobody => Err(CreateError::NoAccount),
            Outcome::NoneSuitable => Err(CreateError::NoSuitableAccount),
            Outcome::NotFinished => Err(CreateError::NotFinished),
            Outcome::NotAnnounced => Err(CreateError::NotAnnounced),
            Outcome::Repeated(created) => Ok(created),
            Outcome::Offered(devices) => {
                for device in &devices {
                    self.hints.device_has_news(device);
                }
                Ok(Created {
                    session,
                    verification_code,
                })
            }
        }
    }

    /// The inquiry with what the service adds to it.
    pub(super) fn request_of(&self, inquiry: &Inquiry, flow_type: FlowType) -> SessionRequest {
        SessionRequest {
            version: inquiry.asked.version(),
            relying_party_name: inquiry.relying_party_name.clone(),
            brokered_relying_party_name: inquiry.brokered_relying_party_name.clone(),
            content: match &inquiry.asked {
                Asked::Authentication {
                    rp_challenge,
                    terms,
                } => Content::Authentication {
                    scheme_name: self.scheme_name.to_string(),
                    server_random: STANDARD.encode(random::octets::<24>()),
                    rp_challenge: rp_challenge.clone(),
                    terms: terms.clone(),
                },
                Asked::Signature {
                    digest,
                    linked_session,
                    terms,
                } => Content::Signature {
                    digest: digest.clone().into(),
                    verification_code: (flow_type == FlowType::Notification
                        && linked_session.is_none())
                    .then(|| random::drawn(VerificationCode::draw()).into()),
                    linked_session: *linked_session,
                    terms: terms.clone(),
                },
                Asked::BareDigest {
                    purpose,
                    digest,
                    terms,
                } => Content::BareDigest {
                    purpose: *purpose,
                    digest: digest.clone().into(),
                    terms: terms.clone(),
                },
                Asked::CertificateChoice | Asked::OldCertificateChoice => {
                    Content::CertificateChoice {}
                }
            },
            flow_type,
            initial_callback_url: None,
            ignored_properties: inquiry.ignored_properties.clone(),
            share_device_address: inquiry.share_device_address,
        }
    }
}

enum Outcome {
    Nobody,
    NoneSuitable,
    NotFinished,
    NotAnnounced,
    Repeated(Created),
    Offered(Vec<DocumentNumber>),
}

/// What the service adds to a request that is pushed.
struct Beginning<'a> {
    session: Uuid,
    request: &'a SessionRequest,
    now: Timestamp,
    expires_at: Timestamp,
}

/// Whom it means, and how their row of prompts stands.
fn questions_of(new: &NewSession, now: Timestamp) -> Batch {
    let mut questions = Batch::default();
    let asker = new.inquiry.relying_party;
    targets::ask(&mut questions, &new.target, Some(&asker), now);
    prompts::Row::ask(&mut questions, &new.target.person(), now);
    questions
}

/// What follows from the answers to [`questions_of`].
async fn insert(
    connection: &mut AnyConnection,
    answers: Vec<Done>,
    new: &NewSession,
    beginning: Beginning<'_>,
) -> Result<Outcome, StoreError> {
    let Beginning {
        session,
        request,
        now,
        expires_at,
    } = beginning;
    let repeat_key = new.repeat_key.map(hex::encode);
    if let Some(key) = &repeat_key
        && let Some(created) =
            find_repeated(connection, key, new.inquiry.relying_party, now).await?
    {
        return Ok(Outcome::Repeated(created));
    }
    let level = new.inquiry.level;
    let asker = new.inquiry.relying_party;
    let person = new.target.person();
    let [accounts, row] = each_of(answers)?;
    let usable = match targets::resolved(connection, &accounts, &new.target, level).await? {
        Resolved::Nobody => return Ok(Outcome::Nobody),
        Resolved::NoneSuitable => return Ok(Outcome::NoneSuitable),
        Resolved::NotFinished => return Ok(Outcome::NotFinished),
        Resolved::Usable(usable) => usable,
    };
    let choice = linked_session_of(request);
    let over = match (usable.accounts.is_empty(), choice) {
        (true, _) => Some(EndResult::DocumentUnusable),
        (false, Some(_)) => None,
        (false, None) => usable
            .awaits_signature
            .then_some(EndResult::ExpectedLinkedSession),
    };
    if let Some(choice) = choice
        && !linked::claim(connection, &choice, &asker, &new.target, &session, now).await?
    {
        return Ok(Outcome::NotAnnounced);
    }
    // Whom it does not reach seems not to answer: the relying party learns no more than that.
    let offered = match usable.is_muted || over.is_some() {
        true => Vec::new(),
        false => usable.accounts,
    };
    let mut batch = Batch::default();
    NewRow {
        session,
        relying_party: asker,
        request,
        offered: &offered,
        repeat_key,
        expires_at,
        over,
    }
    .add_to(&mut batch, now)?;
    // Whom a link led to a linked signature waits for it: it takes no turn.
    let told = !offered.is_empty()
        && (choice.is_some()
            || prompts::Row::read(&row)?.enter(&mut batch, session, asker, &person, now));
    let offer = Event::Offered {
        transaction: session,
    };
    let told = if told { offered.as_slice() } else { &[] };
    for document_number in told {
        deliveries::add(&mut batch, document_number, &offer, now)?;
    }
    batch.run(connection).await?;
    Ok(Outcome::Offered(told.to_vec()))
}

/// A session as it begins.
pub(super) struct NewRow<'a> {
    pub(super) session: Uuid,
    pub(super) relying_party: Uuid,
    pub(super) request: &'a SessionRequest,
    pub(super) offered: &'a [DocumentNumber],
    pub(super) repeat_key: Option<String>,
    pub(super) expires_at: Timestamp,
    /// Why the session is over at once, if it is.
    pub(super) over: Option<EndResult>,
}

impl NewRow<'_> {
    /// Adds it to what is sent together, inside of a write.
    pub(super) fn add_to(self, batch: &mut Batch, now: Timestamp) -> Result<(), StoreError> {
        let result = match self.over {
            Some(end) => Some(to_json(&SessionResult::without_signature(end))?),
            None => None,
        };
        batch
            .add(
                "INSERT INTO session (id, relying_party, state, request, offered, repeat_key, \
                 created_at, expires_at, completed_at, result) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(self.session.to_string())
            .bind(self.relying_party.to_string())
            .bind(match self.over {
                Some(_) => "complete",
                None => "running",
            })
            .bind(to_json(self.request)?)
            .bind(to_json(&self.offered)?)
            .bind(self.repeat_key)
            .bind(now.milliseconds())
            .bind(self.expires_at.milliseconds())
            .bind(self.over.map(|_| now.milliseconds()))
            .bind(result);
        metrics::session_begins(self.request);
        if let Some(end) = self.over {
            metrics::session_ends(self.request, end);
        }
        Ok(())
    }
}

async fn find_repeated(
    connection: &mut AnyConnection,
    repeat_key: &str,
    relying_party: Uuid,
    now: Timestamp,
) -> Result<Option<Created>, StoreError> {
    let row = sqlx::query(
        "SELECT s.id FROM session s WHERE s.repeat_key = $1 AND s.relying_party = $2 \
         AND s.created_at > $3 ORDER BY s.created_at DESC LIMIT 1",
    )
    .bind(repeat_key)
    .bind(relying_party.to_string())
    .bind(now.minus(REPEATED_WITHIN).milliseconds())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id = parse(&row.text("id")?)?;
    let session = Session::load(connection, &id).await?;
    Ok(session.map(|session| Created {
        session: session.id,
        verification_code: verification_code_of(&session.request).cloned(),
    }))
}

fn linked_session_of(request: &SessionRequest) -> Option<Uuid> {
    match &request.content {
        Content::Signature { linked_session, .. } => *linked_session,
        Content::Authentication { .. }
        | Content::BareDigest { .. }
        | Content::CertificateChoice {} => None,
    }
}

fn verification_code_of(request: &SessionRequest) -> Option<&String> {
    match &request.content {
        Content::Signature {
            verification_code, ..
        } => verification_code.as_ref(),
        Content::Authentication { .. }
        | Content::BareDigest { .. }
        | Content::CertificateChoice {} => None,
    }
}
