//! Enrolment in three steps: redeem the code, register the keys, activate.
//!
//! The device's identity is the key of its TLS client certificate from the first step on. Every
//! step may be repeated byte for byte and is answered the same, so a lost answer costs nothing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Done, Exchange, Method};
use crate::bytes::Octets;
use crate::identifiers::{CertificateLevel, DocumentNumber, SemanticsIdentifier};

/// Step 1: the one-time code that a clerk issued for an identified person.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeginEnrolment {
    /// The code.
    pub code: String,
    /// What the person calls this device; shown in the list of devices. At most 64 characters.
    pub device_name: String,
}

impl std::fmt::Debug for BeginEnrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BeginEnrolment")
            .field("device_name", &self.device_name)
            .finish_non_exhaustive()
    }
}

impl Exchange for BeginEnrolment {
    type Reply = EnrolmentBegun;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/enrolments";
}

/// The code was right; the device may make its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentBegun {
    /// Names the enrolment in the steps that follow.
    pub enrolment: Uuid,
    /// The account to be.
    pub document_number: DocumentNumber,
    /// The person for whom the code was issued.
    pub person: SemanticsIdentifier,
    /// Their given name.
    pub given_name: String,
    /// Their surname.
    pub surname: String,
    /// The level of the certificates.
    pub level: CertificateLevel,
    /// The service's release key: an uncompressed P-256 point, 65 octets (SEC 1 section 2.3.3).
    pub release_key: Octets,
}

/// Step 2: the public halves of what the device made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterKeys {
    /// The authentication key share, behind PIN1.
    pub authentication: DeviceKey,
    /// The signing key share, behind PIN2.
    pub signing: DeviceKey,
    /// What holds them.
    pub hardware: Hardware,
}

impl Exchange for RegisterKeys {
    type Reply = KeysRegistered;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/enrolments/{id}/keys";
}

/// The public side of one device key share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceKey {
    /// `n1`, big endian; the exponent is 65537.
    pub modulus: Octets,
    /// What a release calls the PIN's counter: 0x000b and a SHA-256 digest, 34 octets. In a TPM
    /// the Name of the PIN_FAIL index once written (TPM 2.0 Part 1 section 16); on a token the
    /// digest is of what the token calls it.
    pub pin_index_name: Octets,
    /// Where the service judges the PIN: the key of its proofs, an uncompressed P-256 point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_proof_key: Option<Octets>,
}

/// What holds the device's key shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Hardware {
    /// A TPM 2.0.
    Tpm {
        /// A restricted ECDSA P-256 key of that TPM, uncompressed point, 65 octets. It certifies
        /// readings of the PIN counters. Trusted on first use.
        attestation_key: Octets,
        /// Four letters of the maker, e.g. `IFX`, and the firmware version, for support.
        description: String,
    },
    /// A PKCS#11 token: the service judges the PINs.
    Token {
        /// The device key, an uncompressed point, 65 octets: it signs readings of the counters.
        device_key: Octets,
        /// Maker, model and serial number, for support.
        description: String,
    },
}

/// The service made its shares and the certificates.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeysRegistered {
    /// The authentication key.
    pub authentication: ComposedKey,
    /// The signing key.
    pub signing: ComposedKey,
    /// The first freshness token.
    pub freshness_token: String,
}

impl std::fmt::Debug for KeysRegistered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeysRegistered")
            .field("authentication", &self.authentication)
            .field("signing", &self.signing)
            .finish_non_exhaustive()
    }
}

/// A whole key: both shares together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposedKey {
    /// `n = n1·n2`, big endian; the device checks that its `n1` divides it.
    pub modulus: Octets,
    /// The certificate over `n`, DER.
    pub certificate: Octets,
}

/// Step 3: the device has stored everything; the account goes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activate {}

impl Exchange for Activate {
    type Reply = Done;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/enrolments/{id}/activate";
}
