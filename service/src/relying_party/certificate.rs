//! The signing certificate of an account, without asking the person.

use axum::Json;
use axum::extract::{Request, State};
use schemars::JsonSchema;
use serde::Serialize;

use super::access::Demand;
use super::path::Document;
use super::problem::Problem;
use super::request::CertificateRequest;
use super::source::Source;
use super::status::CertificateBody;
use super::{RelyingPartyApi, body};
use crate::sessions::CertificateAnswer;

/// `POST signature/certificate/{document number}`
pub(super) async fn certificate(
    State(api): State<RelyingPartyApi>,
    Source(source): Source,
    Document(document): Document,
    request: Request,
) -> Result<Json<AnswerBody>, Problem> {
    let body = body::read_object(request).await?;
    let request = CertificateRequest::parse(&body)?;
    api.admit(Demand::of_certificate(&request), source).await?;
    let level = request.level.certificate_level();
    let answer = api.sessions.signing_certificate(&document, level).await?;
    match answer {
        CertificateAnswer::NotFound => Err(Problem::not_found()),
        CertificateAnswer::NotSuitable => Err(Problem::no_suitable_account()),
        CertificateAnswer::Unusable => Ok(Json(AnswerBody {
            state: AnswerState::DocumentUnusable,
            cert: None,
        })),
        CertificateAnswer::Found { certificate, level } => Ok(Json(AnswerBody {
            state: AnswerState::Ok,
            cert: Some(CertificateBody::new(&certificate, level)),
        })),
    }
}

/// The certificate, or that the account cannot be used now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CertificateAnswer")]
pub(super) struct AnswerBody {
    state: AnswerState,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<CertificateBody>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "CertificateState")]
enum AnswerState {
    Ok,
    DocumentUnusable,
}
