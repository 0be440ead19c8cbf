//! The body of a session's status in version 2.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_protocol::interaction::InteractionType;

use crate::relying_party::status::CertificateBody;
use crate::sessions::{EndResult, Session, SessionRequest, SessionResult, SessionState};

/// What `GET session/{id}` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V2SessionStatus")]
pub(in super::super) struct StatusBody {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultBody>,
    #[serde(flatten)]
    answer: Option<AnswerBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_properties: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V2Result")]
struct ResultBody {
    end_result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    document_number: Option<DocumentNumber>,
}

/// What a status holds beyond the result when somebody agreed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "V2Answer")]
struct AnswerBody {
    /// Absent where the certificate alone was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<SignatureBody>,
    cert: CertificateBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    interaction_flow_used: Option<InteractionType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip_address: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V2Signature")]
struct SignatureBody {
    value: String,
    algorithm: &'static str,
}

impl StatusBody {
    /// The session as it stands.
    pub(super) fn of(session: &Session) -> Self {
        let request = &session.request;
        let result = match &session.state {
            SessionState::Running => None,
            SessionState::Complete { result, .. } => Some(result.as_ref()),
        };
        Self {
            state: match result {
                None => "RUNNING",
                Some(_) => "COMPLETE",
            },
            result: result.map(result_body),
            answer: result.and_then(|result| answer_body(request, result)),
            ignored_properties: request.ignored_properties.clone(),
        }
    }
}

/// The account is named to those alone who got its signature.
fn result_body(result: &SessionResult) -> ResultBody {
    let is_ok = result.end_result == EndResult::Ok;
    ResultBody {
        end_result: end_result(result),
        document_number: result.document_number.clone().filter(|_| is_ok),
    }
}

/// The screen of a refusal is part of the word here. Who has picked the right code of a
/// `verificationCodeChoice` is on the screen of `displayTextAndPIN`, and devices report it so.
fn end_result(result: &SessionResult) -> &'static str {
    match (result.end_result, result.interaction) {
        (EndResult::Ok, _) => "OK",
        (EndResult::UserRefused | EndResult::UserRefusedInteraction, None)
        | (EndResult::UserRefused, Some(_)) => "USER_REFUSED",
        (EndResult::UserRefusedInteraction, Some(interaction)) => match interaction {
            InteractionType::DisplayTextAndPin => "USER_REFUSED_DISPLAYTEXTANDPIN",
            InteractionType::VerificationCodeChoice => "USER_REFUSED_VC_CHOICE",
            InteractionType::ConfirmationMessage => "USER_REFUSED_CONFIRMATIONMESSAGE",
            InteractionType::ConfirmationMessageAndVerificationCodeChoice => {
                "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE"
            }
        },
        (EndResult::Timeout, _) => "TIMEOUT",
        (EndResult::WrongVc, _) => "WRONG_VC",
        (EndResult::RequiredInteractionNotSupportedByApp, _) => {
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP"
        }
        (EndResult::UserRefusedCertChoice, _) => "USER_REFUSED_CERT_CHOICE",
        // Version 2 has no word for the latter. Its clients fail on words that they do not
        // know, and this one says what can be said: it cannot be completed, whatever the reason.
        (
            EndResult::DocumentUnusable
            | EndResult::ProtocolFailure
            | EndResult::ExpectedLinkedSession
            | EndResult::ServerError,
            _,
        ) => "DOCUMENT_UNUSABLE",
    }
}

fn answer_body(request: &SessionRequest, result: &SessionResult) -> Option<AnswerBody> {
    let answer = match (&result.signed, &result.chosen) {
        (Some(signed), _) => AnswerBody {
            signature: Some(SignatureBody {
                value: STANDARD.encode(signed.signature.as_slice()),
                algorithm: request.content.terms()?.signature_algorithm.as_str(),
            }),
            cert: CertificateBody::new(signed.certificate.as_slice(), signed.level),
            interaction_flow_used: result.interaction,
            device_ip_address: signed.device_address.clone(),
        },
        (None, Some(chosen)) => AnswerBody {
            signature: None,
            cert: CertificateBody::new(chosen.certificate.as_slice(), chosen.level),
            interaction_flow_used: None,
            device_ip_address: chosen.device_address.clone(),
        },
        (None, None) => return None,
    };
    Some(AnswerBody {
        device_ip_address: answer
            .device_ip_address
            .filter(|_| request.share_device_address),
        ..answer
    })
}
