//! A service for this crate's tests: real TLS 1.3 and HTTP/2 on a port of its own, answers by
//! script. It asks for the device's certificate and checks the handshake's signature.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use der::Encode;
use der::asn1::{BitString, Ia5String, OctetString};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use p256::pkcs8::EncodePrivateKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use tokio::net::TcpListener;
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::link::{Endpoint, Target};

/// What the service does with a request.
pub(crate) enum Answer {
    /// Status 200 with this body.
    Json(String),
    /// A refusal.
    Problem(symbolon_protocol::device::problem::ProblemCode),
    /// The connection breaks before an answer.
    Cut,
}

/// Paths and bodies, in the order in which they came.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;
type Script = Box<dyn FnMut(&str, &[u8]) -> Answer + Send>;

/// A running service; it ends with the test's runtime.
pub(crate) struct TestService {
    pub(crate) endpoint: Endpoint,
    pub(crate) roots: Arc<RootCertStore>,
    requests: Requests,
}

impl TestService {
    pub(crate) async fn start(script: impl FnMut(&str, &[u8]) -> Answer + Send + 'static) -> Self {
        let (certificate, key) = server_identity();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(Arc::new(AnyDevice))
            .with_single_cert(vec![certificate], key)
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let noted = requests.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let (script, noted) = (script.clone(), noted.clone());
                let service = hyper::service::service_fn(move |request| {
                    answer(request, script.clone(), noted.clone())
                });
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            endpoint: Endpoint::parse(&format!("https://localhost:{port}")).unwrap(),
            roots: Arc::new(roots),
            requests,
        }
    }

    /// The bodies that came to paths with this ending.
    pub(crate) fn bodies(&self, ending: &str) -> Vec<Vec<u8>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|(path, _)| path.ends_with(ending))
            .map(|(_, body)| body.clone())
            .collect()
    }

    pub(crate) fn target(&self, tls: Arc<rustls::ClientConfig>) -> Target {
        Ok((self.endpoint.clone(), tls))
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Arc<Mutex<Script>>,
    requests: Requests,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    requests.lock().unwrap().push((path.clone(), body.to_vec()));
    let answer = (script.lock().unwrap())(&path, &body);
    match answer {
        Answer::Json(body) => Ok(Response::new(Full::new(body.into()))),
        Answer::Problem(code) => {
            let body = serde_json::json!({ "status": 409, "code": code, "detail": "so it is" });
            let mut response = Response::new(Full::new(body.to_string().into()));
            *response.status_mut() = http::StatusCode::CONFLICT;
            Ok(response)
        }
        Answer::Cut => Err(std::io::Error::other("the test says so")),
    }
}

/// A key and a certificate for `localhost` that vouches for itself.
fn server_identity() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).unwrap();
    let key = SigningKey::from_slice(&secret).unwrap();
    let contents = TbsCertificate {
        version: Version::V3,
        extensions: Some(vec![for_localhost()]),
        ..crate::identity::contents(key.verifying_key().to_encoded_point(false).as_bytes()).unwrap()
    };
    let signature: p256::ecdsa::Signature = key.sign(&contents.to_der().unwrap());
    let certificate = Certificate {
        signature_algorithm: contents.signature.clone(),
        tbs_certificate: contents,
        signature: BitString::from_bytes(signature.to_der().as_bytes()).unwrap(),
    };
    let secret = p256::SecretKey::from(key).to_pkcs8_der().unwrap();
    (
        CertificateDer::from(certificate.to_der().unwrap()),
        PrivateKeyDer::Pkcs8(secret.as_bytes().to_vec().into()),
    )
}

fn for_localhost() -> Extension {
    let name = GeneralName::DnsName(Ia5String::new("localhost").unwrap());
    Extension {
        extn_id: der::oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME,
        critical: false,
        extn_value: OctetString::new(SubjectAltName(vec![name]).to_der().unwrap()).unwrap(),
    }
}

/// Lets any device in that can sign with the key of its certificate.
#[derive(Debug)]
struct AnyDevice;

impl ClientCertVerifier for AnyDevice {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
