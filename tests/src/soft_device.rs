//! A device without hardware, so that a service can be loaded with many: its keys are in memory.
//! It exists for measuring, and for asking the device API what no real device would ask.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use num_bigint::BigUint;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::{
    Activate, BeginEnrolment, DeviceKey, Hardware, RegisterKeys,
};
use symbolon_protocol::device::transaction::{Confirm, ListPending, Transaction};
use symbolon_protocol::device::{Exchange, Method, path_of};
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::split_key::Modulus;
use symbolon_protocol::transaction::rebuild_message;

use crate::raw_tls::ClientKey;

/// HTTP/2 to the device API under a key of one's own.
pub type Connection = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// One account's device.
pub struct SoftDevice {
    client: Connection,
    url: String,
    authentication: SoftKey,
    modulus: Modulus,
    freshness_token: String,
    /// The account.
    pub document_number: String,
}

/// A confirm request that is ready to be sent.
pub struct Prepared {
    transaction: String,
    confirm: Confirm,
}

impl SoftDevice {
    /// Enrols one with a clerk's code.
    pub async fn enrol(url: &str, root: &Path, folder: &Path, code: &str) -> Self {
        let key = ClientKey::make(folder);
        let client = client(root, &key);
        let begun = call(
            &client,
            url,
            "",
            &BeginEnrolment {
                code: code.into(),
                device_name: "soft device".into(),
            },
        )
        .await;
        let (authentication, signing) = (SoftKey::make(), SoftKey::make());
        let registered = call(
            &client,
            url,
            &begun.enrolment.to_string(),
            &RegisterKeys {
                authentication: authentication.public(),
                signing: signing.public(),
                hardware: Hardware::Tpm {
                    attestation_key: Octets(key.point()),
                    description: "none".into(),
                },
            },
        )
        .await;
        call(&client, url, &begun.enrolment.to_string(), &Activate {}).await;
        Self {
            client,
            url: url.into(),
            authentication,
            modulus: Modulus::from_octets(registered.authentication.modulus.as_slice()).unwrap(),
            freshness_token: registered.freshness_token,
            document_number: begun.document_number.to_string(),
        }
    }

    /// Somebody whom the service does not know.
    pub fn stranger(root: &Path, folder: &Path) -> Connection {
        client(root, &ClientKey::make(folder))
    }

    /// The connection under its key.
    pub fn connection(&self) -> &Connection {
        &self.client
    }

    /// Fetches what waits and makes the device's half of its signature.
    pub async fn prepare(&self) -> Prepared {
        let pending = call(&self.client, &self.url, "", &ListPending {}).await;
        let transaction = pending.transactions.first().expect("a transaction waits");
        Prepared {
            transaction: transaction.id.to_string(),
            confirm: self.confirm_of(transaction),
        }
    }

    /// Confirms, as the timed part of a login.
    pub async fn confirm(&mut self, prepared: &Prepared) {
        let confirmed = call(
            &self.client,
            &self.url,
            &prepared.transaction,
            &prepared.confirm,
        )
        .await;
        self.freshness_token = confirmed.freshness_token;
    }

    fn confirm_of(&self, transaction: &Transaction) -> Confirm {
        let terms = transaction.content.terms().unwrap();
        let salt = terms.signature_algorithm.draw_salt().unwrap();
        let user_challenge = URL_SAFE_NO_PAD.encode([7; 32]);
        let interaction = InteractionType::DisplayTextAndPin;
        let message = rebuild_message(
            transaction,
            interaction,
            Some(&user_challenge),
            &salt,
            &self.modulus,
        )
        .unwrap();
        Confirm {
            share: Octets(self.authentication.share_of(message.as_slice())),
            salt: Octets(salt),
            interaction,
            user_challenge: Some(user_challenge),
            freshness_token: self.freshness_token.clone(),
        }
    }
}

/// A device key share in memory.
struct SoftKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl SoftKey {
    fn make() -> Self {
        let public = BigUint::from(65_537_u32);
        loop {
            let (p, q) = (prime(), prime());
            let modulus = &p * &q;
            let order = (&p - 1_u32) * (&q - 1_u32);
            // High enough that its product with a service share has 4096 bits.
            let high = modulus.to_bytes_be()[0] >= 0xc0;
            if let (true, Some(exponent)) = (high, public.modinv(&order)) {
                return Self { modulus, exponent };
            }
        }
    }

    fn public(&self) -> DeviceKey {
        let mut index_name = vec![0, 0x0b];
        // The Name of an index that does not exist, another one for each key.
        index_name.extend(Sha256::digest(self.modulus.to_bytes_be()));
        DeviceKey {
            modulus: Octets(self.modulus.to_bytes_be()),
            pin_index_name: Octets(index_name),
            pin_proof_key: None,
        }
    }

    fn share_of(&self, message: &[u8]) -> Vec<u8> {
        let message = BigUint::from_bytes_be(message) % &self.modulus;
        let share = message.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut padded = vec![0; 256 - share.len()];
        padded.extend(share);
        padded
    }
}

fn prime() -> BigUint {
    let output = Command::new("openssl")
        .args(["prime", "-generate", "-bits", "1024", "-hex"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    BigUint::parse_bytes(text.trim().as_bytes(), 16).expect("openssl makes primes")
}

fn client(root: &Path, key: &ClientKey) -> Connection {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(root).unwrap())
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(key.certificate()).unwrap()],
            PrivateKeyDer::from_pem_file(key.key()).unwrap(),
        )
        .unwrap();
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http2()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connector)
}

async fn call<E: Exchange>(client: &Connection, url: &str, id: &str, request: &E) -> E::Reply {
    let url = format!("{url}{}", path_of::<E>(id));
    let (status, body) = match E::METHOD {
        Method::Get => send(client, "GET", &url, Vec::new()).await,
        Method::Post => send(client, "POST", &url, serde_json::to_vec(request).unwrap()).await,
    };
    assert!(
        (200..300).contains(&status),
        "{}: {status} {}",
        E::PATH,
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap()
}

/// Sends what need not be a request, and returns the status and what came with it.
pub async fn send(connection: &Connection, method: &str, url: &str, body: Vec<u8>) -> (u16, Bytes) {
    let request = hyper::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap();
    let response = connection.request(request).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}
