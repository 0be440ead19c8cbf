//! Transactions: what a relying party asks of a person, and the device's answer.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Done, Exchange, Method};
use crate::bytes::Octets;
use crate::encoding::SignatureAlgorithm;
use crate::identifiers::{DocumentNumber, KeyPurpose};
use crate::interaction::{Flow, InteractionType};

/// One request of a relying party, as the device gets it: everything from which the encoded
/// message follows, and nothing that is only its hash (but where the relying party itself sends no
/// more than a digest: [`Content::Signature`], [`Content::BareDigest`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Names the transaction between device and service.
    pub id: Uuid,
    /// The account that is asked.
    pub document_number: DocumentNumber,
    /// The relying party's name exactly as it was sent; it enters the signed payload.
    pub relying_party_name: String,
    /// The relying party behind a broker, if there is one.
    pub brokered_relying_party_name: Option<String>,
    /// What is asked for.
    pub content: Content,
    /// How the transaction reached the device; it enters the signed payload.
    pub flow_type: FlowType,
    /// The callback as sent; empty in notification and QR flows.
    pub initial_callback_url: Option<String>,
    /// When the relying party asked, Unix seconds.
    pub created_at: i64,
    /// How long an answer is still of use, from the moment of this message, in seconds.
    pub expires_in_seconds: u32,
}

impl Transaction {
    /// Which key, and so which PIN, the transaction needs; see [`Content::purpose`].
    pub fn purpose(&self) -> Option<KeyPurpose> {
        self.content.purpose()
    }

    /// Whether a user challenge goes with the answer: into the payload of a login.
    pub fn takes_user_challenge(&self) -> bool {
        matches!(self.content, Content::Authentication { .. })
    }

    /// Which interactions it may offer.
    pub fn flow(&self) -> Flow {
        match (&self.content, self.flow_type) {
            (Content::BareDigest { .. }, _) => Flow::BareDigest,
            (
                Content::Signature {
                    linked_session: Some(_),
                    ..
                },
                _,
            ) => Flow::Linked,
            (_, FlowType::Notification) => Flow::Notification,
            (_, FlowType::QR | FlowType::Web2App | FlowType::App2App) => Flow::DeviceLink,
        }
    }
}

/// What is asked for: a signature of one key or the other, or a certificate without any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Content {
    /// A login: the ACSP_V2 payload, rebuilt by the device.
    Authentication {
        /// `smart-id`, `smart-id-demo` or our own; the first field of the payload.
        scheme_name: String,
        /// Base64 as it will be returned to the relying party.
        server_random: String,
        /// Base64 as the relying party sent it.
        rp_challenge: String,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// A signature over a digest that the relying party computed.
    Signature {
        /// The digest; its length is that of the algorithm's hash.
        digest: Octets,
        /// Four digits, drawn by the service and shown by the relying party; absent in linked flows.
        verification_code: Option<String>,
        /// The certificate choice that this signature was announced by, if it is a linked one.
        linked_session: Option<Uuid>,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// A login or a signature as version 2 of the relying-party API has them: whatever the relying
    /// party hashed, signed as it is with PKCS#1 v1.5, and with nothing else.
    ///
    /// A device exponentiates no number that it was handed, and this comes nearest to one. It is
    /// still not the number: padding and hash identifier are the device's own, so a digest cannot
    /// be made to stand for anything but itself. But in a login nothing that the person was shown
    /// is part of what is signed: neither name nor text nor the service that it is good for. A
    /// relying party could pass on a digest that another one gave it. That is how version 2 is, so
    /// a service offers it to those relying parties alone that its operator allows it, the person
    /// is told, and PKCS#1 v1.5 is the only encoding: no such digest can be taken for a login of
    /// version 3 by whoever asked for RSASSA-PSS.
    BareDigest {
        /// The key: a login's or a signature's.
        purpose: KeyPurpose,
        /// The digest; its length is that of the algorithm's hash. The verification code follows
        /// from it, so that all three compute it.
        digest: Octets,
        /// How it is shown and signed.
        terms: SigningTerms,
    },
    /// The signing certificate, which the relying party needs before it can say what is to be
    /// signed. The person agrees or not ([`Consent`]); there is nothing to sign, hence no terms, no
    /// key and no PIN.
    CertificateChoice {},
}

impl Content {
    /// Whether the person took it up themselves: by a link, or as the signature that a link had
    /// announced. Everything else was pushed to them.
    pub fn is_taken_up(&self, flow_type: FlowType) -> bool {
        let is_linked = matches!(
            self,
            Self::Signature {
                linked_session: Some(_),
                ..
            }
        );
        is_linked || flow_type != FlowType::Notification
    }

    /// Which key, and so which PIN, is needed. None where nothing is signed: whoever is about to
    /// use a key has to stop there.
    pub fn purpose(&self) -> Option<KeyPurpose> {
        match self {
            Self::Authentication { .. } => Some(KeyPurpose::Authentication),
            Self::Signature { .. } => Some(KeyPurpose::Signing),
            Self::BareDigest { purpose, .. } => Some(*purpose),
            Self::CertificateChoice {} => None,
        }
    }

    /// How it is shown and signed; none where nothing is.
    pub fn terms(&self) -> Option<&SigningTerms> {
        match self {
            Self::Authentication { terms, .. }
            | Self::Signature { terms, .. }
            | Self::BareDigest { terms, .. } => Some(terms),
            Self::CertificateChoice {} => None,
        }
    }
}

/// What everything that is to be signed has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningTerms {
    /// The interactions as the relying party sent them: Base64 of a JSON array, kept byte for byte.
    pub interactions: String,
    /// Which encoding the signature has.
    pub signature_algorithm: SignatureAlgorithm,
}

/// How a transaction reached the device. The spelling is part of the signed payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowType {
    /// Pushed.
    Notification,
    /// A device link scanned from another screen.
    QR,
    /// A device link opened by a browser on this machine.
    Web2App,
    /// A device link opened by a program on this machine.
    App2App,
}

impl FlowType {
    /// The spelling used in the payload and the relying-party API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::QR => "QR",
            Self::Web2App => "Web2App",
            Self::App2App => "App2App",
        }
    }
}

/// Asks for everything that waits for this device ("open the app"): the way without push.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListPending {}

impl Exchange for ListPending {
    type Reply = Pending;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/device/v1/transactions";
}

/// What waits for this device, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The transactions.
    pub transactions: Vec<Transaction>,
}

/// Asks for one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FetchTransaction {}

impl Exchange for FetchTransaction {
    type Reply = Transaction;
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/device/v1/transactions/{id}";
}

/// What the device is going to sign, told when its person begins to type the PIN, so that the
/// service can make its half meanwhile. It confirms nothing, and need not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepare {
    /// As it will stand in [`Confirm`].
    pub salt: Octets,
    /// As it will stand in [`Confirm`].
    pub interaction: InteractionType,
    /// As it will stand in [`Confirm`].
    pub user_challenge: Option<String>,
}

impl Exchange for Prepare {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/transactions/{id}/prepare";
}

/// The device's half of the signature. A byte-identical repetition gets the stored answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirm {
    /// `EM^d1 mod n1`, big endian, as long as `n1`.
    pub share: Octets,
    /// The PSS salt that the device drew; empty for PKCS#1 v1.5.
    pub salt: Octets,
    /// The interaction that the person saw.
    pub interaction: InteractionType,
    /// Base64url of SHA-256 of the device's verifier; for authentication only.
    pub user_challenge: Option<String>,
    /// The account's current token; the service answers with the next one.
    pub freshness_token: String,
}

impl std::fmt::Debug for Confirm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirm")
            .field("interaction", &self.interaction)
            .finish_non_exhaustive()
    }
}

impl Exchange for Confirm {
    type Reply = Confirmed;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/transactions/{id}/confirm";
}

/// The transaction is complete.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// The whole signature, which the device verifies as well.
    pub signature: Octets,
    /// The token to present next.
    pub freshness_token: String,
}

impl std::fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirmed")
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

/// The person agrees to what needs no signature: [`Content::CertificateChoice`]. No share, and no
/// freshness token either: there is no key whose copy it could tell of. Repeating it changes
/// nothing and gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {}

impl Exchange for Consent {
    type Reply = Consented;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/transactions/{id}/consent";
}

/// The relying party has the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consented {
    /// How long the relying party may take to ask for the signature that it announced; absent
    /// where it announced none.
    pub linked_within_seconds: Option<u32>,
}

/// The person, or the device for them, declines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refuse {
    /// Why.
    pub reason: RefusalReason,
    /// The interaction on whose screen it was refused, if one was shown.
    pub interaction: Option<InteractionType>,
}

impl Exchange for Refuse {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/transactions/{id}/refuse";
}

/// Why a transaction was declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalReason {
    /// The person chose to refuse.
    User,
    /// None of the offered interactions can be shown by this device.
    NoSupportedInteraction,
    /// The transaction contradicts itself or the account; the device will not sign it.
    ProtocolFailure,
    /// The person picked a wrong verification code out of three.
    WrongVerificationCode,
    /// The person says that they did not start this: somebody else did, in their name.
    NotStarted,
}
