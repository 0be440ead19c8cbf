//! Refusals in the words of version 2: a number and a sentence, and two statuses of its own.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::relying_party::problem::{Problem, ProblemKind};

/// Every status but 200 that an operation has, with its title.
pub(in super::super) const STATUSES: [(u16, &str); 8] = [
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (429, "Too Many Requests"),
    (NO_SUITABLE_ACCOUNT, "No Suitable Account"),
    (NOT_FINISHED, "Enrolment Not Finished"),
    (580, "System Under Maintenance"),
];

const NO_SUITABLE_ACCOUNT: u16 = 471;
const NOT_FINISHED: u16 = 472;

/// What a client of version 2 reads.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "V2Refusal")]
pub(in super::super) struct RefusalBody {
    code: u16,
    message: String,
}

/// Says again what is a refusal; everything else passes.
pub(super) async fn in_other_words(response: Response) -> Response {
    let Some(body) = response.extensions().get().map(refusal_of) else {
        return response;
    };
    let status = StatusCode::from_u16(body.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut said = (status, Json(body)).into_response();
    if let Some(when) = response.headers().get(header::RETRY_AFTER) {
        said.headers_mut().insert(header::RETRY_AFTER, when.clone());
    }
    said
}

fn refusal_of(problem: &Problem) -> RefusalBody {
    let code = match problem.kind() {
        ProblemKind::NoSuitableAccount => NO_SUITABLE_ACCOUNT,
        ProblemKind::NotFinished => NOT_FINISHED,
        _ => problem.status(),
    };
    let details: Vec<&str> = problem
        .errors()
        .iter()
        .map(|violation| violation.detail.as_str())
        .collect();
    let message = match problem.kind() {
        ProblemKind::NoSuitableAccount => "No suitable account found".to_owned(),
        ProblemKind::NotFinished => {
            "The person's enrolment waits to be finished on their device".to_owned()
        }
        _ if details.is_empty() => problem.detail().to_owned(),
        _ => details.join("; "),
    };
    RefusalBody { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relying_party::problem::Violation;

    #[test]
    fn every_refusal_has_its_number_and_words() {
        let violation = |name: &str| Violation::of_field(name, "/x", format!("Invalid {name}"));
        for (problem, code, message) in [
            (
                Problem::invalid(vec![violation("hash"), violation("hashType")]),
                400,
                "Invalid hash; Invalid hashType",
            ),
            (
                Problem::unauthorized(),
                401,
                "Relying party could not be authenticated",
            ),
            (Problem::unknown_party(), 403, "Forbidden"),
            (Problem::not_found(), 404, "Not Found"),
            (Problem::method_not_allowed(), 405, "Method Not Allowed"),
            (
                Problem::no_suitable_account(),
                471,
                "No suitable account found",
            ),
            (
                Problem::not_finished(),
                472,
                "The person's enrolment waits to be finished on their device",
            ),
            (
                Problem::too_many_requests(1),
                429,
                "Too many requests, retry later",
            ),
            (
                Problem::maintenance(),
                580,
                "System is under maintenance, retry later",
            ),
        ] {
            let message = message.to_owned();
            assert_eq!(refusal_of(&problem), RefusalBody { code, message });
        }
    }

    #[tokio::test]
    async fn when_to_come_back_is_said_as_well() {
        let response = Problem::too_many_requests(7).into_response();
        let said = in_other_words(response).await;
        assert_eq!(said.status(), 429);
        assert_eq!(said.headers()[header::RETRY_AFTER], "7");
    }
}
