//! TLS for a host that is played, from an authority that nobody else will ever trust.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// TLS with a certificate for `host`; the authority's is `root.pem` in `folder` then.
pub(crate) fn host(folder: &Path, host: &str) -> TlsAcceptor {
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .current_dir(folder)
            .args(["req", "-x509", "-days", "2"])
            .args(key)
            .args(arguments)
            .output()
            .expect("openssl runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {told}");
    };
    openssl(&[
        "-subj",
        "/CN=Root of a test",
        "-keyout",
        "root.key",
        "-out",
        "root.pem",
    ]);
    openssl(&[
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-keyout",
        "host.key",
        "-out",
        "host.pem",
        "-subj",
        &format!("/CN={host}"),
        "-addext",
        &format!("subjectAltName=DNS:{host}"),
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    let certificate = CertificateDer::from_pem_file(folder.join("host.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("host.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
