//! TLS with the server key on the token, and devices that prove a key.

use std::path::Path;
use std::sync::Arc;

use der::{Decode, Encode};
use rustls::client::ResolvesClientCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sha2::{Digest, Sha256};
use symbolon_service::certificates::CertificatesConfig;
use symbolon_service::keys::ServiceKeys;
use symbolon_service::tls::{self, DeviceIdentity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use x509_cert::Certificate;

use crate::configuration::{initialised, run};
use crate::openssl::openssl;
use crate::softhsm::{TokenHouse, with_token};

/// What a server made of one client.
struct Met {
    identity: Option<DeviceIdentity>,
    version: Option<ProtocolVersion>,
    protocol: Option<Vec<u8>>,
}

/// One connection; the client says a word and must get it back. The server's opinion counts: in
/// TLS 1.3 a client learns only later that it was refused.
async fn meet(server: Arc<ServerConfig>, client: ClientConfig) -> std::io::Result<Met> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let client = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client))
            .connect(name, stream)
            .await?;
        stream.write_all(b"word").await?;
        let mut back = [0; 4];
        stream.read_exact(&mut back).await?;
        assert_eq!(&back, b"word");
        std::io::Result::Ok(())
    });
    let (stream, _) = listener.accept().await?;
    let mut stream = tls::accept(server, stream).await?;
    assert!(stream.get_ref().0.nodelay()?);
    let mut word = [0; 4];
    stream.read_exact(&mut word).await?;
    stream.write_all(&word).await?;
    client.await.unwrap()?;
    let session = stream.get_ref().1;
    Ok(Met {
        identity: DeviceIdentity::of(&stream),
        version: session.protocol_version(),
        protocol: session.alpn_protocol().map(<[u8]>::to_vec),
    })
}

/// A client that trusts the root and nothing else.
fn client(
    config: &CertificatesConfig,
    certificate: Option<Arc<dyn ResolvesClientCert>>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(config.directory.join("root.pem")).unwrap();
    roots.add(root).unwrap();
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
    let mut client = match certificate {
        Some(certificate) => builder.with_client_cert_resolver(certificate),
        None => builder.with_no_client_auth(),
    };
    client.alpn_protocols = vec![b"h2".to_vec()];
    client
}

/// A self-signed certificate and its key, by openssl.
fn device(
    folder: &Path,
    name: &str,
    key: &[&str],
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let (key_file, certificate_file) = (format!("{name}.key"), format!("{name}.pem"));
    let mut arguments = vec![
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=device",
        "-days",
        "1",
    ];
    arguments.extend(["-keyout", &key_file, "-out", &certificate_file, "-newkey"]);
    arguments.extend(key);
    openssl(folder, &arguments).unwrap();
    (
        CertificateDer::from_pem_file(folder.join(certificate_file)).unwrap(),
        PrivateKeyDer::from_pem_file(folder.join(key_file)).unwrap(),
    )
}

const P256: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const P384: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"];
const RSA: [&str; 1] = ["rsa:2048"];

/// Shows these certificates and signs with this key, whether they belong together or not.
fn showing(
    certificates: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Option<Arc<dyn ResolvesClientCert>> {
    let key = rustls::crypto::ring::sign::any_supported_type(key).unwrap();
    Some(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
        certificates,
        key,
    ))))
}

const TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
const TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

async fn servers(house: &TokenHouse) -> (ServiceKeys, CertificatesConfig, Arc<ServerConfig>) {
    let (keys, config) = initialised(house).await;
    let server = tls::device_server(&keys, &config).unwrap();
    (keys, config, server)
}

#[test]
fn a_device_is_known_by_its_key() {
    with_token("device_tls::a_device_is_known_by_its_key", |house| {
        run(async {
            let (_, config, server) = servers(house).await;
            let (certificate, key) = device(house.folder(), "device", &P256);
            let known = Certificate::from_der(&certificate).unwrap();
            let info = known.tbs_certificate.subject_public_key_info;
            for _ in 0..3 {
                let shown = showing(vec![certificate.clone()], &key);
                let met = meet(server.clone(), client(&config, shown, &TLS13))
                    .await
                    .unwrap();
                let identity = met.identity.unwrap();
                assert_eq!(
                    identity.fingerprint[..],
                    Sha256::digest(info.to_der().unwrap())[..]
                );
                assert_eq!(identity.point, *info.subject_public_key.raw_bytes());
                assert_eq!(met.version, Some(ProtocolVersion::TLSv1_3));
                assert_eq!(met.protocol.as_deref(), Some(&b"h2"[..]));
            }
        });
    });
}

#[test]
fn who_proves_no_p256_key_is_refused() {
    with_token("device_tls::who_proves_no_p256_key_is_refused", |house| {
        run(async {
            let (_, config, server) = servers(house).await;
            let (mine, my_key) = device(house.folder(), "mine", &P256);
            let (stolen, _) = device(house.folder(), "stolen", &P256);
            let (rsa, rsa_key) = device(house.folder(), "rsa", &RSA);
            let (p384, p384_key) = device(house.folder(), "p384", &P384);
            for (what, shown) in [
                ("no certificate", None),
                ("stolen certificate", showing(vec![stolen.clone()], &my_key)),
                ("RSA certificate", showing(vec![rsa.clone()], &rsa_key)),
                ("RSA certificate, P-256 key", showing(vec![rsa], &my_key)),
                ("P-384 certificate", showing(vec![p384], &p384_key)),
                ("chain", showing(vec![mine.clone(), stolen], &my_key)),
                (
                    "no X.509 at all",
                    showing(vec![CertificateDer::from(vec![0x30; 64])], &my_key),
                ),
                (
                    "oversized",
                    showing(vec![CertificateDer::from(oversized(&mine))], &my_key),
                ),
            ] {
                let met = meet(server.clone(), client(&config, shown, &TLS13)).await;
                assert!(met.is_err(), "{what} was let in");
            }
            let honest = showing(vec![mine], &my_key);
            meet(server, client(&config, honest, &TLS13)).await.unwrap();
        });
    });
}

/// A well-formed certificate that is far too large.
fn oversized(certificate: &[u8]) -> Vec<u8> {
    let mut certificate = Certificate::from_der(certificate).unwrap();
    let mut extension = certificate.tbs_certificate.extensions.clone().unwrap()[0].clone();
    extension.extn_id = der::asn1::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");
    extension.critical = false;
    extension.extn_value = der::asn1::OctetString::new(vec![0; 8000]).unwrap();
    certificate
        .tbs_certificate
        .extensions
        .as_mut()
        .unwrap()
        .push(extension);
    certificate.to_der().unwrap()
}

#[test]
fn devices_speak_tls_1_3_and_relying_parties_1_2_as_well() {
    with_token(
        "device_tls::devices_speak_tls_1_3_and_relying_parties_1_2_as_well",
        |house| {
            run(async {
                let (keys, config, server) = servers(house).await;
                let (certificate, key) = device(house.folder(), "device", &P256);
                let shown = showing(vec![certificate], &key);
                assert!(meet(server, client(&config, shown, &TLS12)).await.is_err());
                let server = tls::relying_party_server(&keys, &config).unwrap();
                for versions in [&TLS12, &TLS13] {
                    let met = meet(server.clone(), client(&config, None, versions))
                        .await
                        .unwrap();
                    assert_eq!(met.version, Some(versions[0].version));
                    assert_eq!(met.identity, None);
                }
            });
        },
    );
}
