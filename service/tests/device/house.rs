//! A service with token and store of its own, and requests to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::Request;
use http_body_util::BodyExt;
use symbolon_protocol::device::problem::Problem;
use symbolon_protocol::device::transaction::SigningTerms;
use symbolon_protocol::device::{Exchange, Method, path_of};
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber, SemanticsIdentifier};
use symbolon_service::accounts::{DeviceFingerprint, KeyCache};
use symbolon_service::certificates::CertificateAuthority;
use symbolon_service::co_signing::Ahead;
use symbolon_service::device_api::{self, Caller};
use symbolon_service::enrolment::{Invitation, invite};
use symbolon_service::keys::HsmConfig;
use symbolon_service::service::Service;
use symbolon_service::sessions::{
    Asked, CreateError, Inquiry, NewSession, Session, SessionResult, SessionState,
};
use symbolon_service::sessions::{Sessions, Target};
use symbolon_service::store::{Columns, Store};
use tower::ServiceExt;
use uuid::Uuid;

use crate::configuration;
use crate::softhsm::{TokenHouse, with_token};

/// Base64 of `[{"type":"displayTextAndPIN","displayText60":"Log in?"}]`.
pub(crate) const INTERACTIONS: &str =
    "W3sidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIiwiZGlzcGxheVRleHQ2MCI6IkxvZyBpbj8ifV0=";

/// The person whom most tests are about.
pub(crate) const PERSON: &str = "PNOEE-30303039914";

/// A service.
pub(crate) struct House {
    pub(crate) service: Service,
    pub(crate) router: Router,
}

/// Runs `body` with a fresh service, in a process of its own. `test` is the test's own name.
pub(crate) fn with_service<F: Future<Output = ()>>(test: &str, body: impl FnOnce(House) -> F) {
    with_token(test, |token| {
        configuration::run(async {
            body(House::open(token, &configuration::hsm(token)).await).await
        });
    });
}

/// The same over a token that does what a file tells it to: hang, say.
pub(crate) fn with_obstinate_service<F: Future<Output = ()>>(
    test: &str,
    body: impl FnOnce(House, PathBuf) -> F,
) {
    with_token(test, |token| {
        configuration::run(async {
            let hsm = configuration::obstinate_hsm(token);
            body(House::open(token, &hsm).await, token.commands()).await;
        });
    });
}

impl House {
    async fn open(token: &TokenHouse, hsm: &HsmConfig) -> Self {
        let (keys, certificates) = configuration::initialised_on(token, hsm).await;
        let file = token.folder().join("service.db");
        let store = Store::open(&format!("sqlite://{}?mode=rwc", file.display()))
            .await
            .unwrap();
        let authority = CertificateAuthority::open(&certificates, keys.clone()).unwrap();
        let service = Service {
            sessions: Sessions::new(store.clone(), "smart-id-demo", Duration::from_secs(120)),
            store,
            keys,
            authority: Arc::new(authority),
            account_keys: Arc::new(KeyCache::default()),
            ahead: Ahead::default(),
        };
        Self {
            router: device_api::router(service.clone()),
            service,
        }
    }

    /// Issues an enrolment code for the person.
    pub(crate) async fn code(&self) -> String {
        let invitation = Invitation {
            person: person(),
            given_name: "Mari".into(),
            surname: "Maasikas".into(),
            level: CertificateLevel::Qualified,
            birth_date: None,
        };
        let invited = invite(&self.service.store, invitation).await.unwrap();
        invited.code.to_string()
    }

    /// A request of the protocol, as a device makes it.
    pub(crate) async fn call<E: Exchange>(
        &self,
        device: DeviceFingerprint,
        id: Uuid,
        message: &E,
    ) -> Result<E::Reply, Problem> {
        let body = serde_json::to_vec(message).unwrap();
        self.call_with::<E>(device, id, body).await
    }

    /// The same with a body of one's own.
    pub(crate) async fn call_with<E: Exchange>(
        &self,
        device: DeviceFingerprint,
        id: Uuid,
        body: Vec<u8>,
    ) -> Result<E::Reply, Problem> {
        let (method, body) = match E::METHOD {
            Method::Get => ("GET", Vec::new()),
            Method::Post => ("POST", body),
        };
        let request = Request::builder()
            .method(method)
            .uri(path_of::<E>(&id.to_string()))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = self.send(Some(device), request).await;
        let status = response.status();
        let body = collect(response).await;
        match status.as_u16() {
            200 => Ok(serde_json::from_slice(&body).unwrap()),
            status => {
                let problem: Problem = serde_json::from_slice(&body).unwrap();
                assert_eq!(problem.status, status);
                Err(problem)
            }
        }
    }

    /// Any request.
    pub(crate) async fn send(
        &self,
        device: Option<DeviceFingerprint>,
        mut request: Request<Body>,
    ) -> Response {
        if let Some(device) = device {
            let address = SocketAddr::from(([127, 0, 0, 9], 4711));
            request.extensions_mut().insert(Caller { device, address });
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A relying party asks the person for a login.
    pub(crate) async fn ask_login(&self, target: Target) -> Uuid {
        self.try_ask_login(target).await.unwrap()
    }

    /// The same, where it may be refused.
    pub(crate) async fn try_ask_login(&self, target: Target) -> Result<Uuid, CreateError> {
        let asked = Asked::Authentication {
            rp_challenge: "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".into(),
            terms: terms(),
        };
        self.ask(target, asked).await
    }

    /// A relying party asks the person for a signature.
    pub(crate) async fn ask_signature(&self, target: Target) -> Uuid {
        let digest = HashAlgorithm::Sha512.digest(b"a contract");
        let asked = Asked::Signature {
            digest,
            linked_session: None,
            terms: terms(),
        };
        self.ask(target, asked).await.unwrap()
    }

    /// A relying party asks the person for their signing certificate.
    pub(crate) async fn ask_certificate(&self, target: Target) -> Uuid {
        self.ask(target, Asked::CertificateChoice).await.unwrap()
    }

    /// A relying party of one's choice asks for a login.
    pub(crate) async fn ask_login_by(&self, relying_party: Uuid, target: Target) -> Uuid {
        let asked = Asked::Authentication {
            rp_challenge: "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".into(),
            terms: terms(),
        };
        let inquiry = Inquiry {
            relying_party,
            ..inquiry(asked)
        };
        self.ask_with(inquiry, target).await.unwrap()
    }

    async fn ask(&self, target: Target, asked: Asked) -> Result<Uuid, CreateError> {
        self.ask_with(inquiry(asked), target).await
    }

    async fn ask_with(&self, inquiry: Inquiry, target: Target) -> Result<Uuid, CreateError> {
        let new = NewSession {
            inquiry,
            target,
            repeat_key: None,
        };
        Ok(self.service.sessions.create(new).await?.session)
    }

    /// The session as the relying party's poll sees it.
    pub(crate) async fn session(&self, id: Uuid) -> Session {
        self.service.sessions.find(&id).await.unwrap().unwrap()
    }

    /// How it ended; it must have ended.
    pub(crate) async fn result(&self, id: Uuid) -> SessionResult {
        match self.session(id).await.state {
            SessionState::Complete { result, .. } => *result,
            SessionState::Running => panic!("{id} still runs"),
        }
    }

    /// Changes the store behind the service's back: that time passed, for instance.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        self.service
            .store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(statement).execute(connection).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    /// The number that a query finds.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query(query)
            .fetch_one(&mut *self.service.store.reader().await.unwrap())
            .await
            .unwrap()
            .number("n")
            .unwrap()
    }
}

pub(crate) fn person() -> SemanticsIdentifier {
    PERSON.parse().unwrap()
}

pub(crate) fn anybody() -> Target {
    Target::Person(person())
}

pub(crate) fn document(number: &DocumentNumber) -> Target {
    Target::Document(number.clone())
}

pub(crate) async fn collect(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// How these tests' signatures are shown and made.
pub(crate) fn terms() -> SigningTerms {
    SigningTerms {
        interactions: INTERACTIONS.into(),
        signature_algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha512),
    }
}

/// What the relying party of these tests asks.
pub(crate) fn inquiry(asked: Asked) -> Inquiry {
    Inquiry {
        relying_party: Uuid::nil(),
        relying_party_name: "DEMO".into(),
        brokered_relying_party_name: None,
        level: CertificateLevel::Qualified,
        asked,
        ignored_properties: Vec::new(),
        share_device_address: true,
    }
}
