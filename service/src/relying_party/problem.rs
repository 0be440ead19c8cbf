//! Errors of the relying-party API: RFC 9457 bodies that list everything wrong at once.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An answer other than 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    detail: &'static str,
    errors: Vec<Violation>,
}

/// What kind of refusal it is; the versions of the API have their own statuses for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemKind {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    NoSuitableAccount,
    NotFinished,
    MethodNotAllowed,
    TooManyRequests { retry_after_seconds: u32 },
    Maintenance,
}

impl ProblemKind {
    /// One for each status of version 3.
    const OF_EACH_STATUS: [Self; 7] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooManyRequests {
            retry_after_seconds: 1,
        },
        Self::Maintenance,
    ];

    fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound | Self::NoSuitableAccount | Self::NotFinished => 404,
            Self::MethodNotAllowed => 405,
            Self::TooManyRequests { .. } => 429,
            Self::Maintenance => 580,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound | Self::NoSuitableAccount | Self::NotFinished => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::TooManyRequests { .. } => "Too Many Requests",
            Self::Maintenance => "System Under Maintenance",
        }
    }
}

/// Every status but 200, with its title.
pub(super) fn statuses() -> impl Iterator<Item = (u16, &'static str)> {
    ProblemKind::OF_EACH_STATUS
        .into_iter()
        .map(|kind| (kind.status(), kind.title()))
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// What is wrong, for programs; few errors have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What is wrong, for people. Never repeats what was sent.
    pub detail: String,
    /// The field's or parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param_name: Option<String>,
    /// A JSON pointer (RFC 6901) into the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Violation {
    /// Something wrong with the field at `pointer`.
    pub fn of_field(name: &str, pointer: &str, detail: impl Into<String>) -> Self {
        Self {
            code: None,
            detail: detail.into(),
            param_name: Some(name.to_owned()),
            pointer: Some(pointer.to_owned()),
        }
    }

    /// Something wrong with a parameter of the path or the query.
    pub fn of_parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            code: None,
            detail: detail.into(),
            param_name: Some(name.to_owned()),
            pointer: None,
        }
    }

    fn of_body(detail: &str) -> Self {
        Self {
            code: None,
            detail: detail.to_owned(),
            param_name: None,
            pointer: None,
        }
    }
}

impl Problem {
    /// The request breaks these rules. 400.
    pub fn invalid(errors: Vec<Violation>) -> Self {
        Self {
            kind: ProblemKind::BadRequest,
            detail: "Invalid request parameters found",
            errors,
        }
    }

    /// No certificate choice announced this signature, or not for so long, or it was asked for
    /// already. 400, whichever it is.
    pub fn not_announced() -> Self {
        Self::invalid(vec![Violation::of_field(
            "linkedSessionID",
            "/linkedSessionID",
            "Invalid linkedSessionID: must be a certificate choice by device link that this \
             account agreed to within the last minute, and can be used once",
        )])
    }

    /// The body as a whole cannot be read. 400.
    pub fn unreadable(detail: &str) -> Self {
        Self::invalid(vec![Violation::of_body(detail)])
    }

    /// The source address, the UUID and the name do not belong together. 401.
    pub fn unauthorized() -> Self {
        Self {
            kind: ProblemKind::Unauthorized,
            detail: "Relying party could not be authenticated",
            errors: Vec::new(),
        }
    }

    /// The relying party is not known. 403.
    pub fn unknown_party() -> Self {
        Self {
            kind: ProblemKind::Forbidden,
            detail: "Forbidden",
            errors: Vec::new(),
        }
    }

    /// The relying party is known, but has no permission for this. 403.
    pub fn forbidden(errors: Vec<Violation>) -> Self {
        Self {
            kind: ProblemKind::Forbidden,
            detail: "Forbidden",
            errors,
        }
    }

    /// No such account, session or path. 404.
    pub fn not_found() -> Self {
        Self {
            kind: ProblemKind::NotFound,
            detail: "Not Found",
            errors: Vec::new(),
        }
    }

    /// The person has accounts, but none of the level that was asked for. 404; in version 2 471.
    pub fn no_suitable_account() -> Self {
        Self {
            kind: ProblemKind::NoSuitableAccount,
            detail: "Not Found",
            errors: vec![Violation {
                code: Some("NO_SUITABLE_ACCOUNT_FOUND"),
                ..Violation::of_body(
                    "No suitable account of requested type found, but user has some other accounts",
                )
            }],
        }
    }

    /// The person has begun to enrol and not finished. 404 as if they had not; in version 2 472.
    pub fn not_finished() -> Self {
        Self {
            kind: ProblemKind::NotFinished,
            detail: "Not Found",
            errors: Vec::new(),
        }
    }

    /// The path takes another method. 405.
    pub fn method_not_allowed() -> Self {
        Self {
            kind: ProblemKind::MethodNotAllowed,
            detail: "Method Not Allowed",
            errors: Vec::new(),
        }
    }

    /// The source or the relying party asked more often than it may; in so many seconds it may ask
    /// again. 429.
    pub fn too_many_requests(retry_after_seconds: u32) -> Self {
        Self {
            kind: ProblemKind::TooManyRequests {
                retry_after_seconds,
            },
            detail: "Too many requests, retry later",
            errors: Vec::new(),
        }
    }

    /// The service cannot serve now (its store or token is out of order); trying later helps. 580.
    pub fn maintenance() -> Self {
        Self {
            kind: ProblemKind::Maintenance,
            detail: "System is under maintenance, retry later",
            errors: Vec::new(),
        }
    }

    /// What kind of refusal it is.
    pub(super) fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What is wrong as a whole.
    pub(super) fn detail(&self) -> &'static str {
        self.detail
    }

    /// The HTTP status in version 3.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Everything that is wrong.
    pub fn errors(&self) -> &[Violation] {
        &self.errors
    }
}

/// RFC 9457 section 3.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    status: u16,
    title: &'static str,
    detail: &'static str,
    /// Names this one answer, so that an operator finds the log line that a caller complains about.
    instance: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let instance = format!("/task-id/{}", Uuid::new_v4().simple());
        tracing::info!(status, instance, errors = ?self.errors, "relying-party request refused");
        let body = ProblemBody {
            kind: "about:blank",
            status,
            title: self.kind.title(),
            detail: self.detail,
            instance,
            errors: &self.errors,
        };
        let mut response = Json(body).into_response();
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let ProblemKind::TooManyRequests {
            retry_after_seconds,
        } = self.kind
        {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after_seconds.into());
        }
        // For those who say it in other words.
        response.extensions_mut().insert(self);
        response
    }
}
