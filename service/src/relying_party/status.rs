//! The body of a session's status.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use symbolon_protocol::device::transaction::Content;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber};
use symbolon_protocol::interaction::InteractionType;

use super::algorithm;
use crate::sessions::{ChosenCertificate, EndResult, SessionRequest, SessionResult, SignedBy};

/// What `GET session/{id}` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SessionStatus")]
pub(super) struct StatusBody {
    state: State,
    #[serde(flatten)]
    completion: Option<Completion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_properties: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(rename = "SessionState")]
enum State {
    Running,
    Complete,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Completion {
    result: ResultBody,
    #[serde(flatten)]
    answer: Option<AnswerBody>,
}

/// What a status holds beyond the result when somebody signed or agreed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Answer")]
enum AnswerBody {
    Signed(Box<SignedBody>),
    Chosen(ChosenBody),
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Result")]
struct ResultBody {
    end_result: EndResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    document_number: Option<DocumentNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<ResultDetails>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResultDetails {
    #[schemars(schema_with = "interaction_types")]
    interaction: InteractionType,
}

/// What a status holds beyond the result when somebody signed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Signed")]
struct SignedBody {
    signature_protocol: &'static str,
    signature: SignatureBody,
    cert: CertificateBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "interaction_types")]
    interaction_type_used: Option<InteractionType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip_address: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Signature")]
struct SignatureBody {
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_random: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_challenge: Option<String>,
    flow_type: &'static str,
    signature_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    signature_algorithm_parameters: Option<Value>,
}

/// What a status holds beyond the result when somebody let their certificate be known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CertificateChosen")]
struct ChosenBody {
    /// There is no signature; the API tells the flow under this name all the same.
    signature: FlowBody,
    cert: CertificateBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip_address: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Flow")]
struct FlowBody {
    flow_type: &'static str,
}

/// A certificate as the API carries it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Certificate")]
pub(super) struct CertificateBody {
    value: String,
    #[schemars(schema_with = "levels")]
    certificate_level: CertificateLevel,
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    let levels = [CertificateLevel::Advanced, CertificateLevel::Qualified];
    json_schema!({"type": "string", "enum": levels.map(CertificateLevel::as_str)})
}

fn interaction_types(_: &mut SchemaGenerator) -> Schema {
    let types = [
        InteractionType::DisplayTextAndPin,
        InteractionType::ConfirmationMessage,
        InteractionType::ConfirmationMessageAndVerificationCodeChoice,
    ];
    json_schema!({"type": "string", "enum": types.map(InteractionType::as_str)})
}

impl CertificateBody {
    pub(super) fn new(der: &[u8], level: CertificateLevel) -> Self {
        Self {
            value: STANDARD.encode(der),
            certificate_level: level,
        }
    }
}

impl StatusBody {
    /// Nobody has answered yet.
    pub(super) fn running(request: &SessionRequest) -> Self {
        Self {
            state: State::Running,
            completion: None,
            ignored_properties: request.ignored_properties.clone(),
        }
    }

    /// The session is over.
    pub(super) fn complete(request: &SessionRequest, result: &SessionResult) -> Self {
        Self {
            state: State::Complete,
            completion: Some(Completion {
                result: result_body(result),
                answer: answer_body(request, result),
            }),
            ignored_properties: request.ignored_properties.clone(),
        }
    }
}

/// The account is named to those alone who got its signature, and the interaction here to those
/// alone whose request was refused on its screen.
fn result_body(result: &SessionResult) -> ResultBody {
    let is_ok = result.end_result == EndResult::Ok;
    let refused_on_screen = result.end_result == EndResult::UserRefusedInteraction;
    ResultBody {
        end_result: result.end_result,
        document_number: result.document_number.clone().filter(|_| is_ok),
        details: result
            .interaction
            .filter(|_| refused_on_screen)
            .map(|interaction| ResultDetails { interaction }),
    }
}

fn answer_body(request: &SessionRequest, result: &SessionResult) -> Option<AnswerBody> {
    match (&result.signed, &result.chosen) {
        (Some(signed), _) => signed_body(request, result, signed)
            .map(Box::new)
            .map(AnswerBody::Signed),
        (None, Some(chosen)) => Some(AnswerBody::Chosen(chosen_body(request, chosen))),
        (None, None) => None,
    }
}

fn signed_body(
    request: &SessionRequest,
    result: &SessionResult,
    signed: &SignedBy,
) -> Option<SignedBody> {
    let algorithm = request.content.terms()?.signature_algorithm;
    let (signature_protocol, server_random) = match &request.content {
        Content::Authentication { server_random, .. } => ("ACSP_V2", Some(server_random.clone())),
        Content::Signature { .. } => ("RAW_DIGEST_SIGNATURE", None),
        // Told by version 2 alone.
        Content::BareDigest { .. } => return None,
        Content::CertificateChoice {} => return None,
    };
    Some(SignedBody {
        signature_protocol,
        signature: SignatureBody {
            value: STANDARD.encode(signed.signature.as_slice()),
            server_random,
            user_challenge: signed.user_challenge.clone(),
            flow_type: request.flow_type.as_str(),
            signature_algorithm: algorithm.as_str(),
            signature_algorithm_parameters: algorithm::parameters_of(algorithm),
        },
        cert: CertificateBody::new(signed.certificate.as_slice(), signed.level),
        interaction_type_used: result.interaction,
        device_ip_address: signed
            .device_address
            .clone()
            .filter(|_| request.share_device_address),
    })
}

fn chosen_body(request: &SessionRequest, chosen: &ChosenCertificate) -> ChosenBody {
    ChosenBody {
        signature: FlowBody {
            flow_type: request.flow_type.as_str(),
        },
        cert: CertificateBody::new(chosen.certificate.as_slice(), chosen.level),
        device_ip_address: chosen
            .device_address
            .clone()
            .filter(|_| request.share_device_address),
    }
}
