//! Signing.

use std::sync::Arc;

use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use der::pem::{LineEnding, encode_string};
use http::{StatusCode, header};
use time::OffsetDateTime;

use super::browser::{Browser, SignedWork};
use super::flow::{Kind, Work, refused, why};
use super::log_in::complain;
use super::{EService, Shared};
use crate::pdf::{self, PdfError, Prepared};
use crate::verify::{Certificate, CertificateLevel, Hash, SignatureAlgorithm};

/// What a form with a file says.
struct Upload {
    name: String,
    content: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Has a file signed, of which only the digest leaves us.
pub(super) async fn file(State(e_service): Shared, browser: Browser, form: Multipart) -> Redirect {
    let (account, upload) = match taken(&browser, form).await {
        Ok(taken) => taken,
        Err(why) => return complain(&browser, why),
    };
    let digest = upload.algorithm.hash().digest(&upload.content);
    let work = Work::File { name: upload.name };
    ask(
        &e_service,
        &browser,
        &account,
        upload.algorithm,
        digest,
        work,
    )
    .await
}

/// Has a PDF signed, and the signature put into it.
pub(super) async fn pdf(State(e_service): Shared, browser: Browser, form: Multipart) -> Redirect {
    let (account, upload) = match taken(&browser, form).await {
        Ok(taken) => taken,
        Err(why) => return complain(&browser, why),
    };
    let (prepared, digest) = match e_service.prepare(&account, upload.content).await {
        Ok(prepared) => prepared,
        Err(why) => return complain(&browser, why),
    };
    let work = Work::Pdf {
        name: upload.name,
        prepared,
    };
    ask(&e_service, &browser, &account, pdf::ALGORITHM, digest, work).await
}

/// Who signs what, or what they are told instead.
async fn taken(browser: &Browser, form: Multipart) -> Result<(String, Upload), String> {
    let account = browser.with(|seen| account(seen)).ok_or("Log in first.")?;
    let upload = read(form).await;
    let upload = upload.ok_or("There was no file, or it is too large.")?;
    Ok((account, upload))
}

async fn ask(
    e_service: &Arc<EService>,
    browser: &Browser,
    account: &str,
    algorithm: SignatureAlgorithm,
    digest: Vec<u8>,
    work: Work,
) -> Redirect {
    let text = format!("Sign {}?", work.name());
    match e_service.api.sign(account, algorithm, digest, &text).await {
        Ok(signing) => {
            let kind = Kind::Signing {
                request: signing.request,
                code: signing.verification_code,
                work,
            };
            e_service.begin(browser, signing.session, kind);
            Redirect::to("/")
        }
        Err(error) => complain(browser, refused(&error)),
    }
}

impl EService {
    /// Makes room in a PDF for the signature of this account; what is to be signed, or what its
    /// person is told.
    async fn prepare(
        &self,
        account: &str,
        document: Vec<u8>,
    ) -> Result<(Prepared, Vec<u8>), String> {
        let now = OffsetDateTime::now_utc();
        let answer = self.api.certificate(account).await;
        let answer = answer.map_err(|error| refused(&error))?;
        let level = CertificateLevel::Qualified;
        let certificates = self
            .verifier
            .certificate_by_document(account, level, &answer, now)
            .and_then(|proven| Certificate::from_der(&proven.certificate))
            .and_then(|signer| self.verifier.trust.path_of(signer, now))
            .map_err(|rejected| why(&rejected))?;
        // A large document keeps a processor busy, and no browser is to have all of them.
        let _place = self.preparing.acquire().await;
        let prepared = tokio::task::spawn_blocking(move || {
            let prepared = Prepared::new(&document, certificates, now)?;
            let digest = prepared.digest()?;
            Ok((prepared, digest))
        });
        match prepared.await {
            Ok(prepared) => prepared.map_err(|error: PdfError| format!("Not signed: {error}.")),
            Err(error) => {
                tracing::error!(%error, "a PDF could not be prepared");
                Err("Not signed: the PDF could not be read.".into())
            }
        }
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
            ("document.pdf", SignedWork::Pdf(document)) => {
                attachment(&format!("signed-{}", signed.name), document.clone())
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
