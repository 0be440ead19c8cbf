//! A device whose hardware is the token: its shares are made and used there like the service's.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256};
use symbolon_protocol::device::enrolment::{
    Activate, BeginEnrolment, DeviceKey, EnrolmentBegun, Hardware, KeysRegistered, RegisterKeys,
};
use symbolon_protocol::device::lock::{
    CertifiedReading, LockState, ReportReading, RequestLockChallenge,
};
use symbolon_protocol::device::problem::Problem;
use symbolon_protocol::device::transaction::{
    Confirm, Confirmed, FetchTransaction, Prepare, Transaction,
};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::pin_proof::ProofKey;
use symbolon_protocol::split_key::Modulus;
use symbolon_protocol::transaction::rebuild_message;
use symbolon_service::accounts::DeviceFingerprint;
use symbolon_service::demo::draw_device_share;
use symbolon_service::keys::ServiceShare;
use uuid::Uuid;

use crate::house::House;

/// 43 characters of Base64url.
pub(crate) const USER_CHALLENGE: &str = "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI";

/// Hardware before its enrolment.
pub(crate) struct Hardened {
    pub(crate) fingerprint: DeviceFingerprint,
    authentication: ServiceShare,
    signing: ServiceShare,
    attestation_key: SigningKey,
}

/// An enrolled device.
pub(crate) struct TestDevice {
    pub(crate) hardware: Hardened,
    pub(crate) document_number: DocumentNumber,
    pub(crate) registered: KeysRegistered,
    /// What it will present next.
    pub(crate) token: String,
}

impl Hardened {
    pub(crate) async fn make(house: &House, fingerprint: u8) -> Self {
        Self {
            fingerprint: DeviceFingerprint([fingerprint; 32]),
            authentication: draw_device_share(&house.service.keys).await.unwrap(),
            signing: draw_device_share(&house.service.keys).await.unwrap(),
            attestation_key: SigningKey::from_slice(&[fingerprint; 32]).unwrap(),
        }
    }

    pub(crate) async fn begin(&self, house: &House, code: &str) -> Result<EnrolmentBegun, Problem> {
        let begin = BeginEnrolment {
            code: code.to_owned(),
            device_name: "Mari's laptop".into(),
        };
        house.call(self.fingerprint, Uuid::nil(), &begin).await
    }

    pub(crate) fn registration(&self) -> RegisterKeys {
        let point = self.attestation_key.verifying_key().to_encoded_point(false);
        RegisterKeys {
            authentication: DeviceKey {
                modulus: self.authentication.modulus.clone().into(),
                pin_index_name: self.index_name(KeyPurpose::Authentication).into(),
                pin_proof_key: None,
            },
            signing: DeviceKey {
                modulus: self.signing.modulus.clone().into(),
                pin_index_name: self.index_name(KeyPurpose::Signing).into(),
                pin_proof_key: None,
            },
            hardware: Hardware::Tpm {
                attestation_key: point.as_bytes().to_vec().into(),
                description: "TEST 1.0".into(),
            },
        }
    }

    /// The same of a token, whose PINs the service judges.
    pub(crate) fn token_registration(&self, pins: [&ProofKey; 2]) -> RegisterKeys {
        let mut register = self.registration();
        register.authentication.pin_proof_key = Some(pins[0].public());
        register.signing.pin_proof_key = Some(pins[1].public());
        let point = self.attestation_key.verifying_key().to_encoded_point(false);
        register.hardware = Hardware::Token {
            device_key: point.as_bytes().to_vec().into(),
            description: "TEST 1.0".into(),
        };
        register
    }

    /// Takes the device through all three steps.
    pub(crate) async fn enrol(self, house: &House, code: &str) -> TestDevice {
        let registration = self.registration();
        self.enrol_as(house, code, &registration).await
    }

    /// The same with a registration of one's own.
    pub(crate) async fn enrol_as(
        self,
        house: &House,
        code: &str,
        registration: &RegisterKeys,
    ) -> TestDevice {
        let begun = self.begin(house, code).await.unwrap();
        let registered = house
            .call(self.fingerprint, begun.enrolment, registration)
            .await
            .unwrap();
        house
            .call(self.fingerprint, begun.enrolment, &Activate {})
            .await
            .unwrap();
        TestDevice {
            hardware: self,
            document_number: begun.document_number,
            token: registered.freshness_token.clone(),
            registered,
        }
    }

    fn share(&self, purpose: KeyPurpose) -> &ServiceShare {
        match purpose {
            KeyPurpose::Authentication => &self.authentication,
            KeyPurpose::Signing => &self.signing,
        }
    }

    pub(crate) fn index_name(&self, purpose: KeyPurpose) -> Vec<u8> {
        let digest = Sha256::new()
            .chain_update(self.fingerprint.0)
            .chain_update(purpose.as_str())
            .finalize();
        [&[0x00, 0x0b], &digest[..]].concat()
    }

    /// What `TPM2_NV_Certify` answers (TPM 2.0 Part 2 section 10.12.9).
    fn certify(
        &self,
        purpose: KeyPurpose,
        nonce: &[u8],
        count: u32,
        limit: u32,
    ) -> CertifiedReading {
        let sized = |octets: &[u8]| {
            let length = u16::try_from(octets.len()).unwrap();
            [&length.to_be_bytes(), octets].concat()
        };
        let contents = [count.to_be_bytes(), limit.to_be_bytes()].concat();
        let attestation = [
            &0xff54_4347_u32.to_be_bytes()[..],
            &0x8014_u16.to_be_bytes(),
            &sized(&[0; 34]),
            &sized(nonce),
            &[0; 17],
            &[0; 8],
            &sized(&self.index_name(purpose)),
            &0_u16.to_be_bytes(),
            &sized(&contents),
        ]
        .concat();
        let signature: Signature = self.attestation_key.sign(&attestation);
        CertifiedReading {
            attestation: attestation.into(),
            signature: signature.to_bytes().to_vec().into(),
        }
    }
}

impl TestDevice {
    /// Enrols a new device for the person of the tests.
    pub(crate) async fn enrolled(house: &House, fingerprint: u8) -> Self {
        let code = house.code().await;
        Hardened::make(house, fingerprint)
            .await
            .enrol(house, &code)
            .await
    }

    pub(crate) fn fingerprint(&self) -> DeviceFingerprint {
        self.hardware.fingerprint
    }

    pub(crate) async fn fetch(&self, house: &House, id: Uuid) -> Result<Transaction, Problem> {
        house
            .call(self.fingerprint(), id, &FetchTransaction {})
            .await
    }

    /// The message that the device signs, under the whole modulus.
    pub(crate) fn message(&self, transaction: &Transaction, salt: &[u8]) -> EncodedMessage {
        let composed = match transaction.purpose().unwrap() {
            KeyPurpose::Authentication => &self.registered.authentication,
            KeyPurpose::Signing => &self.registered.signing,
        };
        let modulus = Modulus::from_octets(composed.modulus.as_slice()).unwrap();
        rebuild_message(
            transaction,
            InteractionType::DisplayTextAndPin,
            challenge_for(transaction).as_deref(),
            salt,
            &modulus,
        )
        .unwrap()
    }

    /// The device's half, made with `salt`, to be presented with the current token.
    pub(crate) async fn half(&self, house: &House, transaction: &Transaction, salt: u8) -> Confirm {
        let salt = vec![salt; 64];
        let share = self.hardware.share(transaction.purpose().unwrap());
        let modulus = Modulus::from_octets(&share.modulus).unwrap();
        let message = self.message(transaction, &salt);
        let half = house
            .service
            .keys
            .half_signature(&share.wrapped, &message.reduced(&modulus))
            .await
            .unwrap();
        Confirm {
            share: half.as_slice().into(),
            salt: salt.into(),
            interaction: InteractionType::DisplayTextAndPin,
            user_challenge: challenge_for(transaction),
            freshness_token: self.token.clone(),
        }
    }

    /// What it tells ahead of a half that it will make with `salt`.
    pub(crate) fn prepare(&self, transaction: &Transaction, salt: u8) -> Prepare {
        Prepare {
            salt: vec![salt; 64].into(),
            interaction: InteractionType::DisplayTextAndPin,
            user_challenge: challenge_for(transaction),
        }
    }

    /// Fetches, signs and confirms.
    pub(crate) async fn approve(&mut self, house: &House, id: Uuid) -> Result<Confirmed, Problem> {
        let transaction = self.fetch(house, id).await?;
        let confirm = self.half(house, &transaction, 7).await;
        let confirmed = house.call(self.fingerprint(), id, &confirm).await?;
        self.token = confirmed.freshness_token.clone();
        Ok(confirmed)
    }

    /// Reports a certified reading of a PIN's counter.
    pub(crate) async fn report(
        &self,
        house: &House,
        purpose: KeyPurpose,
        count: u32,
        limit: u32,
    ) -> Result<LockState, Problem> {
        let nonce = self.lock_nonce(house).await;
        let reading = self.hardware.certify(purpose, &nonce, count, limit);
        let report = ReportReading { purpose, reading };
        house.call(self.fingerprint(), Uuid::nil(), &report).await
    }

    pub(crate) async fn lock_nonce(&self, house: &House) -> Vec<u8> {
        let challenge = house
            .call(self.fingerprint(), Uuid::nil(), &RequestLockChallenge {})
            .await
            .unwrap();
        challenge.nonce.0
    }

    /// A reading over a nonce of one's own.
    pub(crate) fn reading(
        &self,
        purpose: KeyPurpose,
        nonce: &[u8],
        count: u32,
        limit: u32,
    ) -> ReportReading {
        ReportReading {
            purpose,
            reading: self.hardware.certify(purpose, nonce, count, limit),
        }
    }
}

fn challenge_for(transaction: &Transaction) -> Option<String> {
    (transaction.purpose() == Some(KeyPurpose::Authentication)).then(|| USER_CHALLENGE.to_owned())
}
