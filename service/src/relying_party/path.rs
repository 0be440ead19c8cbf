//! Paths: what a relying party may write between the prefix and the identifier.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use http::{Request, Uri};
use symbolon_protocol::identifiers::{DocumentNumber, SemanticsIdentifier};

use super::problem::{Problem, Violation};
use crate::sessions::Target;

/// Takes out empty path segments: clients disagree on whether a base address ends in a slash.
pub(super) fn without_empty_segments<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path();
    let ends_in_slash = path.len() > 1 && path.ends_with('/');
    if !ends_in_slash && !path.contains("//") {
        return request;
    }
    let mut target = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        target.push('/');
        target.push_str(segment);
    }
    if target.is_empty() {
        target.push('/');
    }
    if let Some(query) = request.uri().query() {
        target.push('?');
        target.push_str(query);
    }
    if let Ok(uri) = target.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// The one variable part of a path, percent-decoded. What is no UTF-8 then names nothing.
pub(super) struct Identifier(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Identifier {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(text)| Self(text))
            .map_err(|_| Problem::not_found())
    }
}

/// The person that a path names.
pub(super) struct Person(pub(super) SemanticsIdentifier);

/// The account that a path names.
pub(super) struct Document(pub(super) DocumentNumber);

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Identifier(text) = Identifier::from_request_parts(parts, state).await?;
        named("semanticsIdentifier", &text).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Document {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Identifier(text) = Identifier::from_request_parts(parts, state).await?;
        named("documentNumber", &text).map(Self)
    }
}

impl From<Person> for Target {
    fn from(Person(person): Person) -> Self {
        Self::Person(person)
    }
}

impl From<Document> for Target {
    fn from(Document(document): Document) -> Self {
        Self::Document(document)
    }
}

/// What the text of a parameter names.
fn named<T: FromStr>(parameter: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| unreadable(parameter, text))
}

/// The standard allows more in a code than anybody can be enrolled under here: such a person is
/// merely not known. What does not even begin as an identifier is the caller's mistake.
fn unreadable(name: &str, text: &str) -> Problem {
    if begins_as_identifier(text) {
        Problem::not_found()
    } else {
        Problem::invalid(vec![Violation::of_parameter(
            name,
            format!("Invalid {name}: must begin as in PNOEE-48010010101"),
        )])
    }
}

fn begins_as_identifier(text: &str) -> bool {
    let Some((head, code)) = text.split_once('-') else {
        return false;
    };
    let is_kind = ["PNO", "PAS", "IDC"]
        .iter()
        .any(|kind| head.starts_with(kind));
    let country = head.as_bytes().get(3..).unwrap_or_default();
    is_kind && country.len() == 2 && country.iter().all(u8::is_ascii_uppercase) && !code.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_vanish_and_the_query_stays() {
        for (asked, served) in [
            ("/v3/session/x", "/v3/session/x"),
            ("/v3/session/x/", "/v3/session/x"),
            ("//v3//session///x//", "/v3/session/x"),
            (
                "/v3//session/x/?timeoutMs=5//7",
                "/v3/session/x?timeoutMs=5//7",
            ),
            ("/", "/"),
            ("//", "/"),
            ("/v3/%2F/x/", "/v3/%2F/x"),
        ] {
            let request = Request::get(format!("http://host{asked}"))
                .body(())
                .unwrap();
            let request = without_empty_segments(request);
            let served_now = request.uri().path_and_query().unwrap().as_str();
            assert_eq!(served_now, served, "{asked}");
        }
    }

    #[test]
    fn an_identifier_is_read_or_judged_by_how_it_begins() {
        let person = |text| named::<SemanticsIdentifier>("semanticsIdentifier", text);
        let document = |text| named::<DocumentNumber>("documentNumber", text);
        assert!(person("PNOLV-020100-29990").is_ok());
        assert!(document("PNOBE-04040400287-MOCK-Q").is_ok());
        for (text, status) in [
            ("PNOEE-48010010101 ", 404),
            ("PASKZ-ÄÄ", 404),
            ("PNOEE-", 400),
            ("PNOEE48010010101", 400),
            ("pnoee-48010010101", 400),
            ("PNOEST-48010010101", 400),
            ("48010010101", 400),
            ("..", 400),
            ("ÕÄÖÜ-1", 400),
        ] {
            assert_eq!(person(text).unwrap_err().status(), status, "{text}");
        }
        for (text, status) in [
            ("PNOEE-48010010101", 404),
            ("PNOEE-48010010101-MOCK-X", 404),
            ("nonsense", 400),
        ] {
            assert_eq!(document(text).unwrap_err().status(), status, "{text}");
        }
    }
}
