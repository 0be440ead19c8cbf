//! Device-link sessions: created for nobody's device, until somebody opens the link.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use symbolon_protocol::device::transaction::{Content, FlowType};
use symbolon_protocol::device_link::{AuthCodeInput, DeviceLink, LinkKind, SessionType};
use uuid::Uuid;

use super::create::NewRow;
use super::targets::{Resolved, resolve};
use super::{CreateError, EndResult, Inquiry, SessionRequest, Sessions, Target};
use crate::clock::Timestamp;
use crate::random;
use crate::store::{Batch, StoreError};

/// An inquiry that waits for whoever opens its link.
#[derive(Debug, Clone)]
pub struct NewDeviceLink {
    /// What is asked.
    pub inquiry: Inquiry,
    /// Who may answer; anybody if absent.
    pub target: Option<Target>,
    /// Where a device on the same machine leads the person afterwards, as sent.
    pub initial_callback_url: Option<String>,
}

/// A device-link session that now exists, and from what its links are made.
pub struct CreatedLink {
    /// Its name towards the relying party.
    pub session: Uuid,
    /// Its name in links: 32 letters and digits.
    pub token: String,
    /// The key of the links' authentication codes.
    pub secret: [u8; 32],
}

impl Sessions {
    /// Creates a session that no device hears of. Where every account that may answer is locked,
    /// it is over at once with `DOCUMENT_UNUSABLE`.
    pub async fn create_device_link(&self, new: NewDeviceLink) -> Result<CreatedLink, CreateError> {
        let created = CreatedLink {
            session: random::uuid(),
            token: hex::encode(random::octets::<16>()),
            secret: random::octets(),
        };
        // QR until a link of another kind is opened; see `take_up`.
        let mut request = self.request_of(&new.inquiry, FlowType::QR);
        request
            .initial_callback_url
            .clone_from(&new.initial_callback_url);
        let link = Link {
            session: created.session,
            token_hash: token_hash(&created.token),
            secret: created.secret,
            lifetime: self.lifetime,
        };
        self.store
            .write(move |connection| {
                Box::pin(async move { insert(connection, &new, &request, &link).await })
            })
            .await??;
        Ok(created)
    }
}

struct Link {
    session: Uuid,
    token_hash: String,
    secret: [u8; 32],
    lifetime: std::time::Duration,
}

async fn insert(
    connection: &mut AnyConnection,
    new: &NewDeviceLink,
    request: &SessionRequest,
    link: &Link,
) -> Result<Result<(), CreateError>, StoreError> {
    let now = Timestamp::now();
    let level = new.inquiry.level;
    let unusable = match &new.target {
        None => false,
        Some(target) => match resolve(connection, target, level, None, now).await? {
            Resolved::Nobody => return Ok(Err(CreateError::NoAccount)),
            Resolved::NoneSuitable => return Ok(Err(CreateError::NoSuitableAccount)),
            Resolved::NotFinished => return Ok(Err(CreateError::NotFinished)),
            Resolved::Usable(usable) => usable.accounts.is_empty(),
        },
    };
    let mut batch = Batch::default();
    NewRow {
        session: link.session,
        relying_party: new.inquiry.relying_party,
        request,
        offered: &[],
        repeat_key: None,
        expires_at: now.plus(link.lifetime),
        over: unusable.then_some(EndResult::DocumentUnusable),
    }
    .add_to(&mut batch, now)?;
    let (kind, target) = match &new.target {
        None => ("anyone", None),
        Some(Target::Person(person)) => ("person", Some(person.to_string())),
        Some(Target::Document(document)) => ("document", Some(document.to_string())),
    };
    batch
        .add(
            "INSERT INTO device_link (session, token_hash, secret, target_kind, target, level) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(link.session.to_string())
        .bind(link.token_hash.as_str())
        .bind(link.secret.to_vec())
        .bind(kind)
        .bind(target)
        .bind(level.as_str());
    batch.run(connection).await?;
    Ok(Ok(()))
}

/// As a token stands in the store.
pub(super) fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Whether a link was made by who got the session: of a kind that the session has, about what the
/// session is about, and sealed with its secret.
pub(super) fn is_genuine(
    link: &DeviceLink,
    request: &SessionRequest,
    scheme_name: &str,
    secret: &[u8],
) -> bool {
    let (session_type, signature_protocol, challenge) = match &request.content {
        Content::Authentication { rp_challenge, .. } => {
            (SessionType::Authentication, "ACSP_V2", rp_challenge.clone())
        }
        Content::CertificateChoice {} => (SessionType::CertificateChoice, "", String::new()),
        Content::Signature { digest, .. } => (
            SessionType::Signature,
            "RAW_DIGEST_SIGNATURE",
            STANDARD.encode(digest.as_slice()),
        ),
        // No link leads to it.
        Content::BareDigest { .. } => return false,
    };
    let callback = match link.kind {
        LinkKind::Qr { .. } => None,
        LinkKind::Web2App | LinkKind::App2App => match &request.initial_callback_url {
            Some(callback) => Some(callback.as_str()),
            None => return false,
        },
    };
    let input = AuthCodeInput {
        scheme_name,
        signature_protocol,
        challenge: &challenge,
        relying_party_name: &request.relying_party_name,
        brokered_relying_party_name: request.brokered_relying_party_name.as_deref(),
        interactions: request
            .content
            .terms()
            .map_or("", |terms| terms.interactions.as_str()),
        initial_callback_url: callback,
    };
    link.session_type == session_type && link.is_genuine(&input, secret)
}
