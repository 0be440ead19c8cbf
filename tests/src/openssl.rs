//! What the rest of the world thinks of our signatures: the `openssl` program's verdicts.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::relying_party::Algorithm;

/// A certificate authority's two certificates, PEM, as a relying party has them on file.
pub struct Trust {
    /// The root.
    pub root: PathBuf,
    /// The issuing authority.
    pub issuing: PathBuf,
}

/// Whether `signature` is the certificate's key's over `data`.
pub fn verify_signature(
    certificate: &[u8],
    algorithm: Algorithm,
    data: &[u8],
    signature: &[u8],
) -> Result<(), String> {
    let files = Files::new();
    let key = files.run(&[
        "x509",
        "-inform",
        "DER",
        "-in",
        &files.put("leaf.der", certificate),
        "-noout",
        "-pubkey",
    ])?;
    let mut arguments: Vec<String> = vec!["dgst".into(), format!("-{}", algorithm.openssl_hash())];
    if algorithm.salt_length() > 0 {
        arguments.extend([
            "-sigopt".into(),
            "rsa_padding_mode:pss".into(),
            "-sigopt".into(),
            format!("rsa_pss_saltlen:{}", algorithm.salt_length()),
        ]);
    }
    arguments.extend([
        "-verify".into(),
        files.put("key.pem", key.as_bytes()),
        "-signature".into(),
        files.put("signature", signature),
        files.put("data", data),
    ]);
    let told = files.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    match told.trim() {
        "Verified OK" => Ok(()),
        other => Err(other.to_owned()),
    }
}

/// Whether a CMS container holds a signature over `content` by a certificate that it leads to the root.
pub fn verify_container(trust: &Trust, content: &[u8], container: &[u8]) -> Result<String, String> {
    let files = Files::new();
    files.run(&[
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        &files.put("container", container),
        "-content",
        &files.put("content", content),
        "-CAfile",
        path(&trust.root),
        // openssl knows purposes of mail and of TLS alone.
        "-purpose",
        "any",
        "-out",
        "/dev/null",
    ])
}

/// Whether the certificate chains to the root, now.
pub fn verify_chain(trust: &Trust, certificate: &[u8]) -> Result<String, String> {
    let files = Files::new();
    let leaf = files.pem_of(certificate)?;
    files.run(&[
        "verify",
        "-CAfile",
        path(&trust.root),
        "-untrusted",
        path(&trust.issuing),
        &leaf,
    ])
}

/// The certificate in words.
pub fn describe(certificate: &[u8]) -> Result<String, String> {
    let files = Files::new();
    let leaf = files.put("leaf.der", certificate);
    files.run(&[
        "x509",
        "-inform",
        "DER",
        "-in",
        &leaf,
        "-noout",
        "-text",
        "-nameopt",
        "RFC2253,utf8",
    ])
}

/// A certificate without its armour.
pub fn der(pem: &[u8]) -> Result<Vec<u8>, String> {
    let files = Files::new();
    let (pem, der) = (files.put("leaf.pem", pem), files.put("leaf.der", b""));
    files.run(&["x509", "-in", &pem, "-outform", "DER", "-out", &der])?;
    std::fs::read(der).map_err(|error| error.to_string())
}

/// A hash by openssl's own arithmetic, which knows SHA-3.
pub fn digest(hash: &str, data: &[u8]) -> Vec<u8> {
    let files = Files::new();
    let data = files.put("data", data);
    let output = Command::new("openssl")
        .args(["dgst", &format!("-{hash}"), "-binary", &data])
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "openssl knows {hash}");
    output.stdout
}

/// The files of one run of openssl.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, content: &[u8]) -> String {
        let file = self.0.path().join(name);
        std::fs::write(&file, content).unwrap();
        path(&file).to_owned()
    }

    fn pem_of(&self, certificate: &[u8]) -> Result<String, String> {
        let der = self.put("chain-leaf.der", certificate);
        let pem = self.run(&["x509", "-inform", "DER", "-in", &der])?;
        Ok(self.put("chain-leaf.pem", pem.as_bytes()))
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("openssl")
            .args(arguments)
            .output()
            .expect("openssl runs");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(out)
        } else {
            Err(out + &String::from_utf8_lossy(&output.stderr))
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
