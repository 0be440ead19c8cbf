//! Step 2: the device's public keys come in, whole keys and certificates go out.

use p256::PublicKey;
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use symbolon_protocol::device::enrolment::{
    ComposedKey, DeviceKey, Hardware, KeysRegistered, RegisterKeys,
};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::split_key::{Modulus, device_modulus};
use uuid::Uuid;

use super::shares;
use super::stored::{Enrolment, EnrolmentState};
use crate::accounts::{AccountKey, DeviceFingerprint, modulus_hash};
use crate::audit::{Action, Entry};
use crate::certificates::AccountCertificateRequest;
use crate::clock::Timestamp;
use crate::pins::{self, Book};
use crate::random;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::StoreError;

/// Registers a device's keys. A byte-identical repetition gets the stored answer until the
/// account is activated. `body` is the request as it came.
pub async fn register(
    service: &Service,
    device: DeviceFingerprint,
    enrolment: Uuid,
    register: &RegisterKeys,
    body: &[u8],
) -> Result<KeysRegistered, Refusal> {
    let request_hash = hex::encode(Sha256::digest(body));
    let mut connection = service.store.reader().await?;
    let enrolment = Enrolment::of_device(&mut connection, &device)
        .await?
        .filter(|known| known.id == enrolment && known.state != EnrolmentState::Replaced)
        .ok_or_else(|| Refusal::not_found("enrolment"))?;
    drop(connection);
    if enrolment.state != EnrolmentState::Begun {
        return stored_reply(&enrolment, &request_hash);
    }

    let parts = DeviceParts::examine(register)?;
    refuse_known(service, &parts).await?;
    let authentication = compose(service, &enrolment, KeyPurpose::Authentication, &parts).await?;
    let signing = compose(service, &enrolment, KeyPurpose::Signing, &parts).await?;
    let token = random::drawn(FreshnessToken::draw());
    let reply = KeysRegistered {
        authentication: composed(&authentication),
        signing: composed(&signing),
        freshness_token: token.as_str().to_owned(),
    };
    let registration = Registration {
        device,
        hardware: serde_json::to_string(&register.hardware)
            .map_err(|error| StoreError::Damaged(error.to_string()))?,
        reply: serde_json::to_string(&reply)
            .map_err(|error| StoreError::Damaged(error.to_string()))?,
        enrolment,
        request_hash: request_hash.clone(),
        attestation_key: parts.attestation_key,
        proof_keys: parts.proof_keys,
        token_hash: hex::encode(token.digest()),
        authentication,
        signing,
    };
    let committed = service
        .store
        .write(move |connection| Box::pin(async move { registration.commit(connection).await }))
        .await?;
    match committed {
        Committed::Registered => Ok(reply),
        Committed::Before(enrolment) => stored_reply(&enrolment, &request_hash),
        Committed::KnownKey => Err(known_key()),
    }
}

/// What a device sent, examined.
struct DeviceParts {
    authentication: (Modulus, Vec<u8>),
    signing: (Modulus, Vec<u8>),
    proof_keys: Option<ProofKeys>,
    attestation_key: Vec<u8>,
}

impl DeviceParts {
    fn examine(register: &RegisterKeys) -> Result<Self, Refusal> {
        let (attestation_key, judges) = match &register.hardware {
            Hardware::Tpm {
                attestation_key, ..
            } => (attestation_key, true),
            Hardware::Token { device_key, .. } => (device_key, false),
        };
        if PublicKey::from_sec1_bytes(attestation_key.as_slice()).is_err()
            || attestation_key.as_slice().len() != 65
        {
            return Err(Refusal::new(
                ProblemCode::KeyRefused,
                "the key that signs readings is not an uncompressed P-256 point",
            ));
        }
        let parts = Self {
            authentication: examine_key(&register.authentication)?,
            signing: examine_key(&register.signing)?,
            proof_keys: proof_keys(register, judges)?,
            attestation_key: attestation_key.0.clone(),
        };
        if parts.authentication.0 == parts.signing.0 {
            return Err(Refusal::new(
                ProblemCode::KeyRefused,
                "both keys have the same modulus",
            ));
        }
        if parts.authentication.1 == parts.signing.1 {
            return Err(Refusal::new(
                ProblemCode::KeyRefused,
                "both keys have the same PIN index",
            ));
        }
        Ok(parts)
    }

    fn of(&self, purpose: KeyPurpose) -> &(Modulus, Vec<u8>) {
        match purpose {
            KeyPurpose::Authentication => &self.authentication,
            KeyPurpose::Signing => &self.signing,
        }
    }
}

/// The proof keys of both PINs, from hardware that cannot judge them itself.
struct ProofKeys {
    authentication: Vec<u8>,
    signing: Vec<u8>,
}

fn proof_keys(
    register: &RegisterKeys,
    hardware_judges: bool,
) -> Result<Option<ProofKeys>, Refusal> {
    let refused = |detail| Err(Refusal::new(ProblemCode::KeyRefused, detail));
    let keys = (
        &register.authentication.pin_proof_key,
        &register.signing.pin_proof_key,
    );
    match (hardware_judges, keys) {
        (true, (None, None)) => Ok(None),
        (true, _) => refused("a TPM judges its PINs itself"),
        (false, (Some(authentication), Some(signing))) => {
            if !pins::is_proof_key(authentication.as_slice())
                || !pins::is_proof_key(signing.as_slice())
            {
                return refused("a PIN's proof key is not an uncompressed P-256 point");
            }
            Ok(Some(ProofKeys {
                authentication: authentication.0.clone(),
                signing: signing.0.clone(),
            }))
        }
        (false, _) => refused("a token judges no PINs, and a proof key is missing"),
    }
}

fn examine_key(key: &DeviceKey) -> Result<(Modulus, Vec<u8>), Refusal> {
    let modulus = device_modulus::examine(key.modulus.as_slice())
        .map_err(|error| Refusal::new(ProblemCode::KeyRefused, error.to_string()))?;
    let name = key.pin_index_name.as_slice();
    // TPM_ALG_SHA256 and the digest (TPM 2.0 Part 1 section 16).
    if name.len() != 34 || !name.starts_with(&[0x00, 0x0b]) {
        return Err(Refusal::new(
            ProblemCode::Malformed,
            "the PIN counter's Name is not a SHA-256 Name",
        ));
    }
    Ok((modulus, name.to_vec()))
}

/// Refuses early what the commit would refuse, before shares and certificates are spent on it.
async fn refuse_known(service: &Service, parts: &DeviceParts) -> Result<(), Refusal> {
    let mut connection = service.store.reader().await?;
    for purpose in KeyPurpose::ALL {
        if is_known(&mut connection, &parts.of(purpose).0).await? {
            return Err(known_key());
        }
    }
    Ok(())
}

async fn is_known(connection: &mut AnyConnection, modulus: &Modulus) -> Result<bool, StoreError> {
    let known = sqlx::query("SELECT 1 AS known FROM account_key WHERE device_modulus_hash = $1")
        .bind(modulus_hash(&modulus.to_octets()))
        .fetch_optional(connection)
        .await?;
    Ok(known.is_some())
}

fn known_key() -> Refusal {
    Refusal::new(
        ProblemCode::KeyRefused,
        "a key with this modulus was registered before",
    )
}

async fn compose(
    service: &Service,
    enrolment: &Enrolment,
    purpose: KeyPurpose,
    parts: &DeviceParts,
) -> Result<AccountKey, Refusal> {
    let (device, pin_index_name) = parts.of(purpose);
    let (split_key, share) = shares::find(service, device).await?;
    let issued = service
        .authority
        .issue_account_certificate(&AccountCertificateRequest {
            document_number: &enrolment.document_number,
            given_name: &enrolment.given_name,
            surname: &enrolment.surname,
            birth_date: enrolment.birth_date,
            purpose,
            modulus: &split_key.modulus().to_octets(),
        })
        .await?;
    Ok(AccountKey {
        split_key,
        service_share: share.wrapped,
        pin_index_name: pin_index_name.clone(),
        pin_is_proven: parts.proof_keys.is_some(),
        certificate: issued.der,
        certificate_serial: issued.serial,
        not_before: issued.not_before.into(),
        not_after: issued.not_after.into(),
    })
}

fn composed(key: &AccountKey) -> ComposedKey {
    ComposedKey {
        modulus: key.split_key.modulus().to_octets().into(),
        certificate: key.certificate.as_slice().into(),
    }
}

fn stored_reply(enrolment: &Enrolment, request_hash: &str) -> Result<KeysRegistered, Refusal> {
    match (&enrolment.request_hash, &enrolment.reply) {
        (Some(stored), Some(reply)) if stored == request_hash => {
            Ok(serde_json::from_str(reply)
                .map_err(|error| StoreError::Damaged(error.to_string()))?)
        }
        _ => Err(Refusal::new(
            ProblemCode::AlreadyAnswered,
            "other keys were registered for this enrolment; begin anew with another device key",
        )),
    }
}

/// Everything that one commit brings together.
struct Registration {
    enrolment: Enrolment,
    device: DeviceFingerprint,
    hardware: String,
    request_hash: String,
    reply: String,
    attestation_key: Vec<u8>,
    proof_keys: Option<ProofKeys>,
    token_hash: String,
    authentication: AccountKey,
    signing: AccountKey,
}

enum Committed {
    Registered,
    Before(Box<Enrolment>),
    KnownKey,
}

impl Registration {
    async fn commit(self, connection: &mut AnyConnection) -> Result<Committed, StoreError> {
        let now = Timestamp::now();
        let current = Enrolment::of_device(connection, &self.device)
            .await?
            .ok_or_else(|| StoreError::Damaged("an enrolment is gone".into()))?;
        if current.state != EnrolmentState::Begun {
            return Ok(Committed::Before(Box::new(current)));
        }
        for key in [&self.authentication, &self.signing] {
            if is_known(connection, key.split_key.device_modulus()).await? {
                return Ok(Committed::KnownKey);
            }
        }
        self.insert_account(connection, now).await?;
        let document_number = &self.enrolment.document_number;
        for (purpose, key) in [
            (KeyPurpose::Authentication, &self.authentication),
            (KeyPurpose::Signing, &self.signing),
        ] {
            key.insert(connection, document_number, purpose).await?;
        }
        if let Some(keys) = &self.proof_keys {
            for (purpose, key) in [
                (KeyPurpose::Authentication, &keys.authentication),
                (KeyPurpose::Signing, &keys.signing),
            ] {
                let book = Book::begun(key.clone());
                book.save(connection, document_number, purpose).await?;
            }
        }
        sqlx::query("UPDATE enrolment SET state = $2, request_hash = $3, reply = $4 WHERE id = $1")
            .bind(self.enrolment.id.to_string())
            .bind(EnrolmentState::Registered.as_str())
            .bind(self.request_hash)
            .bind(self.reply)
            .execute(&mut *connection)
            .await?;
        Entry::new(Action::KeysRegistered, &self.hardware)
            .account(document_number)
            .note(now)?;
        Ok(Committed::Registered)
    }

    async fn insert_account(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ends = self.authentication.not_after.min(self.signing.not_after);
        sqlx::query(
            "INSERT INTO account (document_number, person, given_name, surname, level, \
             device_key, device_name, attestation_key, hardware, state, token_hash, \
             event_cursor, acknowledged_cursor, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'registered', $10, 0, 0, $11, $12)",
        )
        .bind(self.enrolment.document_number.to_string())
        .bind(self.enrolment.person.to_string())
        .bind(self.enrolment.given_name.as_str())
        .bind(self.enrolment.surname.as_str())
        .bind(self.enrolment.level.as_str())
        .bind(self.device.to_string())
        .bind(self.enrolment.device_name.as_str())
        .bind(self.attestation_key.as_slice())
        .bind(self.hardware.as_str())
        .bind(self.token_hash.as_str())
        .bind(now.milliseconds())
        .bind(ends.milliseconds())
        .execute(connection)
        .await?;
        Ok(())
    }
}
