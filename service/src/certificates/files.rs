//! Certificates as PEM files.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use x509_cert::certificate::Certificate;

use super::error::CertificatesError;

/// Far more than a chain of ours; a larger file is something else.
const LARGEST_FILE: u64 = 64 * 1024;

/// The certificates in a file, at least one.
pub(super) fn read(path: &Path) -> Result<Vec<Certificate>, CertificatesError> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(CertificatesError::NotInitialised(path.into()));
        }
        Err(error) => return Err(failed(path, error)),
    };
    if length > LARGEST_FILE {
        return Err(unusable(path, "it is too large"));
    }
    let text = std::fs::read(path).map_err(|error| failed(path, error))?;
    if text.is_empty() {
        // The PEM reader cannot take it.
        return Err(unusable(path, "it is empty"));
    }
    let certificates = Certificate::load_pem_chain(&text).map_err(|error| unusable(path, error))?;
    match certificates.is_empty() {
        true => Err(unusable(path, "it has no certificate")),
        false => Ok(certificates),
    }
}

/// Writes a file whole or not at all: under another name first, on disk before it is renamed.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CertificatesError> {
    let new = path.with_extension("pem.new");
    let attempt = || {
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    attempt().map_err(|error| failed(path, error))
}

/// Makes the folder for them unless it is there. What is in it is public.
pub(super) fn make_folder(path: &Path) -> Result<(), CertificatesError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(|error| failed(path, error))
}

fn failed(path: &Path, source: std::io::Error) -> CertificatesError {
    CertificatesError::File {
        path: path.into(),
        source,
    }
}

fn unusable(path: &Path, reason: impl ToString) -> CertificatesError {
    CertificatesError::Unusable {
        path: path.into(),
        reason: reason.to_string(),
    }
}
