//! The service's own certificates as files: made by `init`, read by everything else.
//!
//! `root.pem` and `issuing.pem` hold one certificate each; `server.pem` holds the TLS server's and
//! the issuing authority's, the chain that a handshake shows.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use der::pem::LineEnding;
use der::{Encode, EncodePem};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::certificate::Certificate;
use x509_cert::ext::pkix::KeyUsages;

use super::config::CertificatesConfig;
use super::error::CertificatesError;
use super::issue::{Contents, Issuer, Period};
use super::{account, extensions, files, names, public_keys, server};
use crate::keys::{Authority, ServiceKeys};

const ROOT_VALIDITY_DAYS: u32 = 30 * 365;
const ISSUING_VALIDITY_DAYS: u32 = 15 * 365;

/// A server certificate is made anew when less than this is left of it.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What [`make`] did about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMade {
    /// The file.
    pub path: PathBuf,
    /// What was done.
    pub done: Done,
}

/// What was done about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is new.
    Made,
    /// It was there and is right.
    Kept,
    /// It was there, and was made anew: it ends soon or has other names.
    Renewed,
}

/// An authority that was made or found.
#[derive(Debug, Clone)]
pub struct AuthorityMade {
    /// Its certificate's file.
    pub file: FileMade,
    /// Its name.
    pub subject: String,
    /// SHA-256 of the certificate in DER, as openssl prints it.
    pub fingerprint: String,
    certificate: Certificate,
}

impl AuthorityMade {
    fn new(path: PathBuf, done: Done, certificate: Certificate) -> Result<Self, CertificatesError> {
        let digest = Sha256::digest(certificate.to_der()?);
        let octets: Vec<_> = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        Ok(Self {
            file: FileMade { path, done },
            subject: certificate.tbs_certificate.subject.to_string(),
            fingerprint: octets.join(":"),
            certificate,
        })
    }
}

/// Makes the certificates that are missing, in their folder. Nothing that exists is touched, but
/// for a server certificate that ends soon or has other names than configured.
pub async fn make(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
    public_host: &str,
) -> Result<Vec<FileMade>, CertificatesError> {
    let [root, issuing] = make_authorities(config, keys).await?;
    let server_done = make_server(
        config,
        keys,
        &issuing.certificate,
        &server_names(config, public_host),
    )
    .await?;
    Ok(vec![
        root.file,
        issuing.file,
        FileMade {
            path: path_of_server(config),
            done: server_done,
        },
    ])
}

/// Makes the root and the issuing authority where they are missing; in this order.
pub async fn make_authorities(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
) -> Result<[AuthorityMade; 2], CertificatesError> {
    account::check_addresses(config)?;
    files::make_folder(&config.directory)?;
    let (root, root_done) = match load_root(config, keys) {
        Err(CertificatesError::NotInitialised(path)) => {
            let root = make_root(config, keys).await?;
            files::write(&path, &root.to_pem(LineEnding::LF)?)?;
            (root, Done::Made)
        }
        found => (found?, Done::Kept),
    };
    let (issuing, issuing_done) = match load_issuing(config, keys) {
        Err(CertificatesError::NotInitialised(path)) => {
            let issuing = make_issuing(config, keys, &root).await?;
            files::write(&path, &issuing.to_pem(LineEnding::LF)?)?;
            (issuing, Done::Made)
        }
        found => (found?, Done::Kept),
    };
    Ok([
        AuthorityMade::new(path_of_root(config), root_done, root)?,
        AuthorityMade::new(path_of_issuing(config), issuing_done, issuing)?,
    ])
}

/// Fails where the folder has a root or an issuing authority: a ceremony replaces none.
pub fn expect_no_authorities(config: &CertificatesConfig) -> Result<(), CertificatesError> {
    for path in [path_of_root(config), path_of_issuing(config)] {
        // What cannot be looked at counts as there.
        if path.try_exists().unwrap_or(true) {
            return Err(CertificatesError::Present(path));
        }
    }
    Ok(())
}

/// The chain that the TLS server shows: its own certificate and the issuing authority's.
pub fn load_server(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
) -> Result<Vec<CertificateDer<'static>>, CertificatesError> {
    let path = path_of_server(config);
    let certificates = files::read(&path)?;
    expect_key(&path, certificates.first(), &keys.tls_server_point())?;
    certificates
        .iter()
        .map(|certificate| Ok(CertificateDer::from(certificate.to_der()?)))
        .collect()
}

/// The PEM text of the root or the issuing certificate, for `certificates export`.
pub fn export(
    config: &CertificatesConfig,
    authority: Authority,
) -> Result<String, CertificatesError> {
    let path = match authority {
        Authority::Root => path_of_root(config),
        Authority::Issuing => path_of_issuing(config),
    };
    // Parsed first: what is given away as a trust anchor is a certificate, whatever the file holds.
    match files::read(&path)?.first() {
        Some(certificate) => Ok(certificate.to_pem(LineEnding::LF)?),
        None => Err(CertificatesError::NotInitialised(path)),
    }
}

pub(super) fn load_root(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
) -> Result<Certificate, CertificatesError> {
    load(&path_of_root(config), keys.authority_point(Authority::Root))
}

/// The serial number of the TLS server's certificate, in lower-case hexadecimal.
pub(super) fn server_serial(config: &CertificatesConfig) -> Result<String, CertificatesError> {
    let path = path_of_server(config);
    match files::read(&path)?.first() {
        Some(certificate) => Ok(hex::encode(
            certificate.tbs_certificate.serial_number.as_bytes(),
        )),
        None => Err(CertificatesError::NotInitialised(path)),
    }
}

pub(super) fn load_issuing(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
) -> Result<Certificate, CertificatesError> {
    load(
        &path_of_issuing(config),
        keys.authority_point(Authority::Issuing),
    )
}

async fn make_root(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
) -> Result<Certificate, CertificatesError> {
    let name = names::authority(config, &config.root_name)?;
    let root = Issuer {
        keys: keys.clone(),
        authority: Authority::Root,
        name: name.clone(),
    };
    root.issue(Contents {
        subject: name,
        public_key: public_keys::p384(keys.authority_point(Authority::Root))?,
        period: Period::from_now(ROOT_VALIDITY_DAYS),
        extensions: vec![
            extensions::authority(None)?,
            extensions::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        ],
    })
    .await
}

async fn make_issuing(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
    root: &Certificate,
) -> Result<Certificate, CertificatesError> {
    let issuer = Issuer {
        keys: keys.clone(),
        authority: Authority::Root,
        name: root.tbs_certificate.subject.clone(),
    };
    let root_ends = root.tbs_certificate.validity.not_after.to_system_time();
    issuer
        .issue(Contents {
            subject: names::authority(config, &config.issuing_name)?,
            public_key: public_keys::p384(keys.authority_point(Authority::Issuing))?,
            period: Period::from_now(ISSUING_VALIDITY_DAYS).ending_by(root_ends),
            extensions: vec![
                extensions::authority(Some(0))?,
                extensions::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
                extensions::policies(&[extensions::ANY_POLICY], config.statement_url.as_deref())?,
            ],
        })
        .await
}

async fn make_server(
    config: &CertificatesConfig,
    keys: &ServiceKeys,
    issuing: &Certificate,
    server_names: &[String],
) -> Result<Done, CertificatesError> {
    let path = path_of_server(config);
    let done = match load(&path, &keys.tls_server_point()) {
        Ok(present) if is_good(&present, server_names)? => return Ok(Done::Kept),
        Ok(_) => Done::Renewed,
        Err(CertificatesError::NotInitialised(_)) => Done::Made,
        Err(error) => return Err(error),
    };
    let issuer = Issuer {
        keys: keys.clone(),
        authority: Authority::Issuing,
        name: issuing.tbs_certificate.subject.clone(),
    };
    let certificate = issuer
        .issue(server::contents(
            config,
            &keys.tls_server_point(),
            server_names,
        )?)
        .await?;
    let chain = certificate.to_pem(LineEnding::LF)? + &issuing.to_pem(LineEnding::LF)?;
    files::write(&path, &chain)?;
    Ok(done)
}

fn is_good(certificate: &Certificate, server_names: &[String]) -> Result<bool, CertificatesError> {
    let ends = certificate.tbs_certificate.validity.not_after;
    Ok(ends.to_system_time() > SystemTime::now() + RENEW_BEFORE
        && server::has_names(certificate, server_names)?)
}

/// The public host first, then the others, each once.
fn server_names(config: &CertificatesConfig, public_host: &str) -> Vec<String> {
    let mut names = vec![public_host.to_owned()];
    for name in &config.server_names {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The first certificate of a file, which must be over this key.
fn load(path: &Path, point: &[u8]) -> Result<Certificate, CertificatesError> {
    let mut certificates = files::read(path)?;
    expect_key(path, certificates.first(), point)?;
    Ok(certificates.swap_remove(0))
}

/// A certificate over another key than the token's means that file and token do not belong
/// together; going on would issue what nobody can verify.
fn expect_key(
    path: &Path,
    certificate: Option<&Certificate>,
    point: &[u8],
) -> Result<(), CertificatesError> {
    let key = certificate.map(|certificate| {
        certificate
            .tbs_certificate
            .subject_public_key_info
            .subject_public_key
            .raw_bytes()
    });
    match key == Some(point) {
        true => Ok(()),
        false => Err(CertificatesError::Unusable {
            path: path.into(),
            reason: "it is not over the token's key".to_owned(),
        }),
    }
}

fn path_of_root(config: &CertificatesConfig) -> PathBuf {
    config.directory.join("root.pem")
}

fn path_of_issuing(config: &CertificatesConfig) -> PathBuf {
    config.directory.join("issuing.pem")
}

fn path_of_server(config: &CertificatesConfig) -> PathBuf {
    config.directory.join("server.pem")
}
