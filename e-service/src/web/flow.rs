//! What is under way in a browser, and how it ends.

use std::sync::Arc;

use axum::Json;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::EService;
use super::browser::{Browser, Seen, Signed, SignedWork};
use crate::api::ApiError;
use crate::link::LinkSession;
use crate::pdf::{PdfError, Prepared};
use crate::verify::{
    AuthenticationRequest, Callback, EndResult, Proven, Rejected, SessionStatus,
    SignatureAlgorithm, SignatureRequest,
};

/// Something that a person was asked.
pub(super) struct Flow {
    /// Tells it from another of the same browser.
    pub(super) session: String,
    /// What.
    pub(super) kind: Kind,
    /// What the service said of its end.
    status: Option<SessionStatus>,
}

/// What was asked.
pub(super) enum Kind {
    /// A login by a device that was asked.
    Notification {
        /// What.
        request: AuthenticationRequest,
        /// To compare.
        code: String,
    },
    /// A login by whoever opens the link.
    Link {
        /// What.
        request: AuthenticationRequest,
        /// The link.
        link: LinkSession,
        /// What this browser was given for its way back.
        value: String,
        /// What it came back with.
        callback: Option<Callback>,
    },
    /// A signature.
    Signing {
        /// What.
        request: SignatureRequest,
        /// To compare.
        code: String,
        /// Of what.
        work: Work,
    },
}

/// What is signed.
pub(super) enum Work {
    /// A file, of which we kept the digest.
    File {
        /// Its name.
        name: String,
    },
    /// A PDF, with room for the signature.
    Pdf {
        /// Its name.
        name: String,
        /// All of it.
        prepared: Prepared,
    },
}

impl Work {
    /// The file's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::File { name } | Self::Pdf { name, .. } => name,
        }
    }
}

impl Flow {
    pub(super) fn new(session: String, kind: Kind) -> Self {
        Self {
            session,
            kind,
            status: None,
        }
    }
}

impl EService {
    /// Begins a flow in a browser, in place of what was under way there.
    pub(super) fn begin(self: &Arc<Self>, browser: &Browser, session: String, kind: Kind) {
        let flow = Flow::new(session.clone(), kind);
        browser.with(|seen| {
            seen.complaint = None;
            seen.flow = Some(flow);
        });
        let (e_service, browser) = (Arc::clone(self), browser.clone());
        tokio::spawn(async move {
            let end = e_service.end_of(&session).await;
            browser.with(|seen| {
                let Some(flow) = seen.flow.as_mut().filter(|flow| flow.session == session) else {
                    return;
                };
                match end {
                    Ok(status) => flow.status = Some(status),
                    Err(told) => {
                        seen.flow = None;
                        seen.complaint = Some(told);
                        return;
                    }
                }
                e_service.settle(seen);
            });
        });
    }

    /// Waits for a session's end, and asks whether the certificate in it was revoked; or what the
    /// person is told.
    async fn end_of(&self, session: &str) -> Result<SessionStatus, String> {
        let status = self.api.end_of(session).await;
        let status = status.map_err(|error| refused(&error))?;
        let Some(responder) = &self.responder else {
            return Ok(status);
        };
        let checked = match self.verifier.question(&status, OffsetDateTime::now_utc()) {
            Ok(question) => responder.check(&question).await,
            Err(rejected) => Err(rejected),
        };
        match checked {
            Ok(()) => Ok(status),
            Err(rejected) => {
                tracing::info!(%rejected, "an answer was not accepted");
                Err(why(&rejected))
            }
        }
    }

    /// Ends the flow if all is there that it takes.
    pub(super) fn settle(&self, seen: &mut Seen) {
        let Some(flow) = &seen.flow else { return };
        let Some(status) = &flow.status else { return };
        let now = OffsetDateTime::now_utc();
        let settled = match &flow.kind {
            Kind::Notification { request, .. } => self
                .verifier
                .authentication(request, status, None, now)
                .map(Settled::Person),
            Kind::Link {
                request, callback, ..
            } => {
                let proven = self
                    .verifier
                    .authentication(request, status, callback.as_ref(), now);
                match proven {
                    // The browser is still on its way back.
                    Err(Rejected::CallbackWithout(_)) if callback.is_none() => return,
                    other => other.map(Settled::Person),
                }
            }
            Kind::Signing { request, work, .. } => self
                .verifier
                .signature(request, status, now)
                .map(|proven| signed(work, request.algorithm, proven)),
        };
        seen.flow = None;
        match settled {
            Ok(Settled::Person(proven)) => {
                tracing::info!(account = proven.document_number, "logged in");
                seen.person = Some(proven);
            }
            Ok(Settled::Signed(signed)) => seen.signed = Some(signed),
            Ok(Settled::Useless(error)) => {
                tracing::warn!(%error, "a signature does not fit into its PDF");
                seen.complaint = Some("The signature does not fit into your PDF.".into());
            }
            Err(rejected) => {
                tracing::info!(%rejected, "an answer was not accepted");
                seen.complaint = Some(why(&rejected));
            }
        }
    }
}

enum Settled {
    Person(Proven),
    Signed(Signed),
    Useless(PdfError),
}

fn signed(work: &Work, algorithm: SignatureAlgorithm, proven: Proven) -> Settled {
    let done = match work {
        Work::File { .. } => Ok(SignedWork::Detached {
            signature: proven.signature,
            openssl: openssl_options(algorithm),
        }),
        Work::Pdf { prepared, .. } => prepared
            .finish(&proven.certificate, &proven.signature)
            .map(SignedWork::Pdf),
    };
    match done {
        Ok(done) => Settled::Signed(Signed {
            name: work.name().to_owned(),
            work: done,
            certificate: proven.certificate,
        }),
        Err(error) => Settled::Useless(error),
    }
}

fn openssl_options(algorithm: SignatureAlgorithm) -> String {
    let name = algorithm.hash().name().to_lowercase();
    let hash = format!("-{}", name.replacen("sha-", "sha", 1));
    match algorithm {
        SignatureAlgorithm::Pss(_) => {
            format!("{hash} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest")
        }
        SignatureAlgorithm::Pkcs1(_) => hash,
    }
}

/// Whether the page is to be loaded anew.
pub(super) async fn state(browser: Browser) -> Json<Value> {
    let session = browser.with(|seen| seen.flow.as_ref().map(|flow| flow.session.clone()));
    Json(json!({"flow": session}))
}

/// What a person is told who cannot do anything about the details.
pub(super) fn refused(error: &ApiError) -> String {
    tracing::info!(%error, "the service did not do as asked");
    match error {
        // Which of them it was is nobody's business: it would tell who has an account.
        ApiError::Refused(status) if status.is_client_error() => {
            "This did not work. Is the code right, and do you have an account?".into()
        }
        _ => "The service cannot be used at the moment. Please try again later.".into(),
    }
}

/// The same of an answer that is not believed.
pub(super) fn why(rejected: &Rejected) -> String {
    let told = match rejected {
        Rejected::Ended(
            EndResult::UserRefused
            | EndResult::UserRefusedInteraction(_)
            | EndResult::UserRefusedCertificateChoice,
        ) => "You refused on your device.",
        Rejected::Ended(EndResult::Timeout) => "Nobody answered in time.",
        Rejected::Ended(EndResult::WrongVerificationCode) => "Another code was chosen.",
        Rejected::Ended(EndResult::DocumentUnusable | EndResult::AccountUnusable) => {
            "Your account cannot be used at the moment. Your device tells why."
        }
        Rejected::Ended(_) => "Your device could not do it.",
        Rejected::Revoked => "Your certificate was revoked, so this does not count.",
        Rejected::StatusUnknown(_) => {
            "It could not be found out whether your certificate was revoked, so this does not \
             count. Please try again later."
        }
        _ => "The answer could not be verified, so it does not count.",
    };
    told.into()
}
