//! Who a device is: the key of its TLS client certificate.

use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, SECP_256_R_1};
use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};
use spki::SubjectPublicKeyInfoRef;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use x509_cert::certificate::Certificate;

/// A device's certificate carries a name and a P-256 key. Parsers need not see more than this.
const LARGEST_CERTIFICATE: usize = 4096;

/// The public key that a device proved to hold in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceIdentity {
    /// SHA-256 of the key's SubjectPublicKeyInfo: by this the service finds the account.
    pub fingerprint: [u8; 32],
    /// The key itself: an uncompressed point on P-256.
    pub point: [u8; 65],
}

impl DeviceIdentity {
    /// Whose connection this is. `None` only where the handshake asked for no certificate.
    pub fn of(stream: &TlsStream<TcpStream>) -> Option<Self> {
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        Some(DeviceKey::read(certificate)?.identity())
    }
}

/// The key of a client certificate that has the one form which is accepted.
pub(super) struct DeviceKey {
    point: [u8; 65],
    public_key_info: Vec<u8>,
}

impl DeviceKey {
    /// Reads the key; `None` for anything but a P-256 key with an uncompressed point on the curve.
    ///
    /// There is one encoding of such a key, so one key has one fingerprint.
    pub(super) fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        if certificate.len() > LARGEST_CERTIFICATE {
            return None;
        }
        let certificate = Certificate::from_der(certificate).ok()?;
        let public_key_info = certificate
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .ok()?;
        let parsed = SubjectPublicKeyInfoRef::from_der(&public_key_info).ok()?;
        parsed
            .algorithm
            .assert_oids(ID_EC_PUBLIC_KEY, SECP_256_R_1)
            .ok()?;
        let point: [u8; 65] = parsed
            .subject_public_key
            .as_bytes()?
            .try_into()
            .ok()
            .filter(|point: &[u8; 65]| point[0] == 0x04)?;
        p256::PublicKey::from_sec1_bytes(&point).ok()?;
        Some(Self {
            point,
            public_key_info,
        })
    }

    /// What the handshake's signature is verified with.
    pub(super) fn public_key_info(&self) -> SubjectPublicKeyInfoDer<'_> {
        SubjectPublicKeyInfoDer::from(self.public_key_info.as_slice())
    }

    fn identity(&self) -> DeviceIdentity {
        DeviceIdentity {
            fingerprint: Sha256::digest(&self.public_key_info).into(),
            point: self.point,
        }
    }
}
