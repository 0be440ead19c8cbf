//! The API over a real store, asked as clients ask. Accounts are rows; what a device would do is
//! done to the session directly.

mod answers;
mod certificate_choice;
mod document;
mod limits;
mod opening;
mod polling;
mod refusals;
mod version_2;

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};
use serde_json::{Value, json};
use symbolon_protocol::device::events::Withdrawal;
use symbolon_protocol::identifiers::KeyPurpose;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::sessions::{Session, SessionResult, finish};
use crate::store::tests::fresh;

const PERSON: &str = "PNOEE-40504040001";
const DOCUMENT: &str = "PNOEE-40504040001-DEMA-Q";
const RELYING_PARTY: &str = "00000000-0000-4000-8000-000000000000";
const INTERACTIONS: &str =
    "W3sidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIiwiZGlzcGxheVRleHQ2MCI6IkhlbGxvIHdvcmxkIn1d";
const CHALLENGE: &str =
    "q1miCUX2v3RAQSycBUWdJrRtG6GR1z55c2oIAdjynk3IIquT4CfoSzcdzbLQDL9eTDojGpy+8QKS1jgWzTB58g==";

/// The service as a relying party sees it, with one relying party and no person yet.
struct Bench {
    store: Store,
    sessions: Sessions,
    router: Router,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    media_type: String,
    body: Value,
}

impl Bench {
    async fn start() -> Self {
        Self::start_under("/v3").await
    }

    async fn start_under(prefix: &str) -> Self {
        Self::configured(&format!("prefix = '{prefix}'")).await
    }

    /// With more in its configuration.
    async fn configured(settings: &str) -> Self {
        let (folder, store) = fresh().await;
        let lifetime = std::time::Duration::from_secs(120);
        let sessions = Sessions::new(store.clone(), "smart-id-demo", lifetime);
        let config: RelyingPartyConfig =
            toml::from_str(&format!("listen = '127.0.0.1:0'\n{settings}")).unwrap();
        let api = RelyingPartyApi::new(
            store.clone(),
            sessions.clone(),
            &config,
            "https://id.example.org/device-link",
        );
        registry::add(&store, &demo_party()).await.unwrap();
        Self {
            router: router(api),
            store,
            sessions,
            _folder: folder,
        }
    }

    /// With one person who has one qualified account.
    async fn with_person() -> Self {
        let bench = Self::start().await;
        bench.add_account(PERSON, DOCUMENT).await;
        bench
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let media_type = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        let octets = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        Answer {
            status,
            media_type,
            body: serde_json::from_slice(&octets).unwrap(),
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(posting(path, body.to_string())).await
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send(from([127, 0, 0, 1], request)).await
    }

    /// Opens a session that must be opened, and returns its name.
    async fn open(&self, path: &str, body: &Value) -> Uuid {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["sessionID"].as_str().unwrap().parse().unwrap()
    }

    async fn session(&self, id: Uuid) -> Session {
        self.sessions.find(&id).await.unwrap().unwrap()
    }

    /// Ends a session as the device API would.
    async fn finish(&self, id: Uuid, result: SessionResult) {
        let session = self.session(id).await;
        let ending = session.clone();
        self.store
            .write(move |connection| {
                Box::pin(async move {
                    let reason = Withdrawal::AnsweredElsewhere;
                    finish(connection, &ending, &result, None, reason, Timestamp::now()).await
                })
            })
            .await
            .unwrap();
        self.sessions.announce_end(&session);
    }

    async fn execute(&self, statement: &'static str) {
        self.store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(statement).execute(connection).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    async fn add_account(&self, person: &'static str, document: &'static str) {
        let level = if document.ends_with("-NQ") {
            "ADVANCED"
        } else {
            "QUALIFIED"
        };
        self.store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO account (document_number, person, given_name, surname, level, \
                         device_key, device_name, attestation_key, hardware, state, token_hash, \
                         event_cursor, acknowledged_cursor, created_at, expires_at) \
                         VALUES ($1, $2, 'OK', 'TEST', $3, $1, 'laptop', X'00', 'tpm', 'open', \
                         'none', 0, 0, 0, $4)",
                    )
                    .bind(document)
                    .bind(person)
                    .bind(level)
                    .bind(i64::MAX)
                    .execute(&mut *connection)
                    .await?;
                    for purpose in KeyPurpose::ALL {
                        let name = format!("{document} {purpose}");
                        sqlx::query(
                            "INSERT INTO account_key (document_number, purpose, device_modulus, \
                             modulus, inverse, device_modulus_hash, service_share, \
                             pin_index_name, certificate_serial) \
                             VALUES ($1, $2, X'00', X'00', X'00', $3, X'00', X'00', $3)",
                        )
                        .bind(document)
                        .bind(purpose.as_str())
                        .bind(&name)
                        .execute(&mut *connection)
                        .await?;
                        sqlx::query(
                            "INSERT INTO certificate (serial, document_number, purpose, der, \
                             not_before, not_after) VALUES ($1, $2, $3, $4, 0, 0)",
                        )
                        .bind(&name)
                        .bind(document)
                        .bind(purpose.as_str())
                        .bind(name.as_bytes())
                        .execute(&mut *connection)
                        .await?;
                    }
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}

fn demo_party() -> RelyingParty {
    RelyingParty {
        uuid: RELYING_PARTY.parse().unwrap(),
        names: vec!["DEMO".to_owned(), "Demo 2".to_owned()],
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        allow_advanced: false,
        allow_ip_sharing: false,
        allow_version_2: false,
    }
}

fn posting(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap();
    from([127, 0, 0, 1], request)
}

fn from(source: impl Into<IpAddr>, mut request: Request<Body>) -> Request<Body> {
    let peer = SocketAddr::new(source.into(), 50_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn login() -> Value {
    json!({
        "relyingPartyUUID": RELYING_PARTY,
        "relyingPartyName": "DEMO",
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": CHALLENGE,
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-256"}
        },
        "interactions": INTERACTIONS,
        "vcType": "numeric4"
    })
}

fn signing() -> Value {
    json!({
        "relyingPartyUUID": RELYING_PARTY,
        "relyingPartyName": "DEMO",
        "signatureProtocol": "RAW_DIGEST_SIGNATURE",
        "signatureProtocolParameters": {
            "digest": STANDARD.encode([0x61; 64]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-512"}
        },
        "interactions": INTERACTIONS
    })
}

/// `body` with one top-level field set.
fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn login_path() -> String {
    format!("/v3/authentication/notification/etsi/{PERSON}")
}

fn signing_path() -> String {
    format!("/v3/signature/notification/document/{DOCUMENT}")
}
