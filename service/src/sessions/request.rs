//! What a session asks, and what came of it, as the store keeps them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::transaction::{Content, FlowType, Transaction};
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, KeyPurpose};
use symbolon_protocol::interaction::InteractionType;
use uuid::Uuid;

use crate::clock::Timestamp;

/// What was asked: everything from which the encoded message follows, kept byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// In which version of the API it was asked.
    pub version: ApiVersion,
    /// As sent.
    pub relying_party_name: String,
    /// The relying party behind a broker.
    pub brokered_relying_party_name: Option<String>,
    /// What is asked for.
    pub content: Content,
    /// How it reaches the device.
    pub flow_type: FlowType,
    /// As sent.
    pub initial_callback_url: Option<String>,
    /// Request properties that we do not know; named in every status.
    pub ignored_properties: Vec<String>,
    /// Whether the device's address is reported.
    pub share_device_address: bool,
}

/// The versions of the relying-party API. What was begun in one is told in it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiVersion {
    /// Over bare digests.
    V2,
    /// Over payloads that bind what is shown, where it is a login.
    V3,
}

impl SessionRequest {
    /// Which key it needs; none where nothing is signed.
    pub fn purpose(&self) -> Option<KeyPurpose> {
        self.content.purpose()
    }

    /// What is asked for, for those who look back: `authentication`, `signing` or
    /// `certificateChoice`.
    pub fn subject(&self) -> &'static str {
        self.purpose()
            .map_or("certificateChoice", KeyPurpose::as_str)
    }

    /// As the device that holds `document_number` gets it.
    pub fn transaction(
        &self,
        id: Uuid,
        document_number: &DocumentNumber,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Transaction {
        let remaining = expires_at.remaining(Timestamp::now());
        Transaction {
            id,
            document_number: document_number.clone(),
            relying_party_name: self.relying_party_name.clone(),
            brokered_relying_party_name: self.brokered_relying_party_name.clone(),
            content: self.content.clone(),
            flow_type: self.flow_type,
            initial_callback_url: self.initial_callback_url.clone(),
            created_at: created_at.seconds(),
            expires_in_seconds: u32::try_from(remaining.as_secs()).unwrap_or(u32::MAX),
        }
    }
}

/// How a session ended, spelt as in the relying-party API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndResult {
    /// Signed, or agreed to.
    Ok,
    /// Refused before an interaction was shown.
    UserRefused,
    /// Refused on the screen of an interaction.
    UserRefusedInteraction,
    /// Refused to let the certificate be known.
    UserRefusedCertChoice,
    /// Nobody answered in time.
    Timeout,
    /// The account is locked or closed.
    DocumentUnusable,
    /// The device can show none of the interactions.
    RequiredInteractionNotSupportedByApp,
    /// The device found that the transaction contradicts itself.
    ProtocolFailure,
    /// The person picked a wrong verification code.
    WrongVc,
    /// The same relying party had announced a linked signature, and asked for something else.
    ExpectedLinkedSession,
    /// The service failed.
    ServerError,
}

impl std::fmt::Display for EndResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// What came of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResult {
    /// How it ended.
    pub end_result: EndResult,
    /// The account that answered; present if signed or agreed to, and where one account refused.
    pub document_number: Option<DocumentNumber>,
    /// What was shown; present if signed, and if refused on its screen.
    pub interaction: Option<InteractionType>,
    /// Present if signed.
    pub signed: Option<SignedBy>,
    /// Present if a certificate was asked for and the person agreed.
    pub chosen: Option<ChosenCertificate>,
}

/// The signing certificate of whoever agreed to let it be known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChosenCertificate {
    /// DER.
    pub certificate: Octets,
    /// Its level.
    pub level: CertificateLevel,
    /// The device's address, if the relying party may have it.
    pub device_address: Option<String>,
}

/// A signature, and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedBy {
    /// The whole signature.
    pub signature: Octets,
    /// Base64url; present if authenticated.
    pub user_challenge: Option<String>,
    /// The certificate over the key that signed, DER.
    pub certificate: Octets,
    /// The certificate's level.
    pub level: CertificateLevel,
    /// The device's address, if the relying party may have it.
    pub device_address: Option<String>,
}

impl SessionResult {
    /// An end without a signature.
    pub fn without_signature(end_result: EndResult) -> Self {
        Self {
            end_result,
            document_number: None,
            interaction: None,
            signed: None,
            chosen: None,
        }
    }
}
