//! Octets to the device API from somebody who is no device: `openssl s_client`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A key and a self-signed certificate of a stranger.
pub struct ClientKey {
    certificate: PathBuf,
    key: PathBuf,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// Everything after the header.
    pub body: String,
}

impl ClientKey {
    /// Makes one in `folder`.
    pub fn make(folder: &Path) -> Self {
        let own = Self {
            certificate: folder.join("client.pem"),
            key: folder.join("client.key"),
        };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=device"])
            .arg("-out")
            .arg(&own.certificate)
            .arg("-keyout")
            .arg(&own.key)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        own
    }

    /// Its certificate: also good as a root that signed nothing else.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Its private key.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// Its public key, an uncompressed point.
    pub fn point(&self) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(&self.key)
            .output()
            .unwrap();
        // The point is what a SubjectPublicKeyInfo ends with (RFC 5480 section 2.2).
        output.stdout[output.stdout.len() - 65..].to_vec()
    }
}

/// Gets a path.
pub fn get(at: SocketAddr, root: &Path, key: Option<&ClientKey>, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    send(at, root, key, head.as_bytes())
}

/// Posts a body that claims to be `length` octets long.
pub fn post(
    at: SocketAddr,
    root: &Path,
    key: Option<&ClientKey>,
    path: &str,
    body: &[u8],
    length: usize,
) -> Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    send(at, root, key, &request)
}

fn send(at: SocketAddr, root: &Path, key: Option<&ClientKey>, request: &[u8]) -> Answer {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-quiet", "-tls1_3", "-alpn", "http/1.1"])
        .args(["-verify_return_error", "-servername", "localhost"])
        .arg("-connect")
        .arg(at.to_string())
        .arg("-CAfile")
        .arg(root);
    if let Some(key) = key {
        command.arg("-cert").arg(&key.certificate);
        command.arg("-key").arg(&key.key);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The other side may hang up before it has read everything.
    stdin.write_all(request).ok();
    let output = std::thread::scope(|scope| {
        let reading = scope.spawn(|| child.wait_with_output().unwrap());
        // With `-quiet`, the end of the input does not end the connection: the answer does.
        reading.join().unwrap()
    });
    drop(stdin);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|status| status.parse().ok());
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Answer {
        status,
        body: body.unwrap_or_default(),
    }
}
