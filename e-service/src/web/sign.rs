//! Signing.

use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use der::pem::{LineEnding, encode_string};
use http::{StatusCode, header};

use super::Shared;
use super::browser::{Browser, SignedWork};
use super::flow::{Kind, Work, refused};
use super::log_in::complain;
use crate::verify::{Hash, SignatureAlgorithm};

/// What a form with a file says.
struct Upload {
    name: String,
    content: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Has a file signed, of which only the digest leaves us.
pub(super) async fn file(State(e_service): Shared, browser: Browser, form: Multipart) -> Redirect {
    let Some(account) = browser.with(|seen| account(seen)) else {
        return complain(&browser, "Log in first.".into());
    };
    let Some(upload) = read(form).await else {
        return complain(&browser, "There was no file, or it is too large.".into());
    };
    let digest = upload.algorithm.hash().digest(&upload.content);
    let text = format!("Sign {}?", upload.name);
    let signing = e_service
        .api
        .sign(&account, upload.algorithm, digest, &text)
        .await;
    match signing {
        Ok(signing) => {
            let kind = Kind::Signing {
                request: signing.request,
                code: signing.verification_code,
                work: Work::File { name: upload.name },
            };
            e_service.begin(&browser, signing.session, kind);
            Redirect::to("/")
        }
        Err(error) => complain(&browser, refused(&error)),
    }
}

fn account(seen: &super::browser::Seen) -> Option<String> {
    let person = seen.person.as_ref()?;
    Some(person.document_number.clone())
}

/// Gives out what was signed.
pub(super) async fn download(browser: Browser, Path(what): Path<String>) -> Response {
    browser.with(|seen| {
        let Some(signed) = &seen.signed else {
            return StatusCode::NOT_FOUND.into_response();
        };
        match (what.as_str(), &signed.work) {
            ("signature", SignedWork::Detached { signature, .. }) => {
                attachment(&format!("{}.sig", signed.name), signature.clone())
            }
            ("certificate", _) => {
                match encode_string("CERTIFICATE", LineEnding::LF, &signed.certificate) {
                    Ok(pem) => attachment("certificate.pem", pem.into_bytes()),
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                }
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    })
}

fn attachment(name: &str, content: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, content).into_response()
}

async fn read(mut form: Multipart) -> Option<Upload> {
    let (mut file, mut pkcs1) = (None, false);
    while let Some(field) = form.next_field().await.ok()? {
        match field.name().unwrap_or_default() {
            "file" => {
                let name = plain(field.file_name().unwrap_or_default());
                file = Some((name, field.bytes().await.ok()?.to_vec()));
            }
            "algorithm" => pkcs1 = field.text().await.ok()? == "pkcs1",
            _ => {}
        }
    }
    let (name, content) = file.filter(|(_, content)| !content.is_empty())?;
    Some(Upload {
        name,
        content,
        algorithm: match pkcs1 {
            true => SignatureAlgorithm::Pkcs1(Hash::Sha512),
            false => SignatureAlgorithm::Pss(Hash::Sha512),
        },
    })
}

/// A file's name without anything that a header, a shell or a screen could take for more.
fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() || "._-".contains(letter) => letter,
            _ => '_',
        })
        .take(50)
        .collect();
    let kept = kept.trim_start_matches(['.', '-']);
    if kept.is_empty() { "file" } else { kept }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_names_alone() {
        for (name, expected) in [
            ("agreement.txt", "agreement.txt"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\"; x=\"\r\nb", "a___x____b"),
            ("-rf", "rf"),
            ("", "file"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
