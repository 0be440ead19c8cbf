//! Messages of an account's life: enrolment, locks, events, state, errors.

use serde_json::json;

use super::{ID, travels_as};
use crate::device::Done;
use crate::device::account::*;
use crate::device::enrolment::*;
use crate::device::events::*;
use crate::device::lock::*;
use crate::device::pin::*;
use crate::device::problem::*;
use crate::identifiers::{CertificateLevel, KeyPurpose};
use crate::lockout::PinCount;

#[test]
fn enrolment() {
    let begin = json!({ "code": "ABCD-EFGH", "deviceName": "laptop" });
    let read: BeginEnrolment = serde_json::from_value(begin.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), begin);
    travels_as(
        &EnrolmentBegun {
            enrolment: ID,
            document_number: "PNOLV-020100-29990-K2GN-NQ".parse().unwrap(),
            person: "PNOLV-020100-29990".parse().unwrap(),
            given_name: "Jānis".to_owned(),
            surname: "Bērziņš".to_owned(),
            level: CertificateLevel::Advanced,
            release_key: vec![4; 2].into(),
        },
        json!({
            "enrolment": "fa20fd1e-e320-4c68-8315-f6a507a0b4a9",
            "documentNumber": "PNOLV-020100-29990-K2GN-NQ",
            "person": "PNOLV-020100-29990",
            "givenName": "Jānis",
            "surname": "Bērziņš",
            "level": "ADVANCED",
            "releaseKey": "BAQ="
        }),
    );
    let key = |octet: u8| DeviceKey {
        modulus: vec![octet].into(),
        pin_index_name: vec![octet, octet].into(),
        pin_proof_key: None,
    };
    travels_as(
        &RegisterKeys {
            authentication: key(1),
            signing: key(2),
            hardware: Hardware::Tpm {
                attestation_key: vec![4].into(),
                description: "IFX 7.85".to_owned(),
            },
        },
        json!({
            "authentication": { "modulus": "AQ==", "pinIndexName": "AQE=" },
            "signing": { "modulus": "Ag==", "pinIndexName": "AgI=" },
            "hardware": { "kind": "tpm", "attestationKey": "BA==", "description": "IFX 7.85" }
        }),
    );
    let composed = |octet: u8| ComposedKey {
        modulus: vec![octet].into(),
        certificate: vec![0x30].into(),
    };
    travels_as(
        &KeysRegistered {
            authentication: composed(1),
            signing: composed(2),
            freshness_token: "first".to_owned(),
        },
        json!({
            "authentication": { "modulus": "AQ==", "certificate": "MA==" },
            "signing": { "modulus": "Ag==", "certificate": "MA==" },
            "freshnessToken": "first"
        }),
    );
    travels_as(&Activate {}, json!({}));
}

#[test]
fn locks_and_releases() {
    travels_as(&RequestLockChallenge {}, json!({}));
    travels_as(
        &LockChallenge {
            nonce: vec![0; 3].into(),
        },
        json!({ "nonce": "AAAA" }),
    );
    travels_as(
        &ReportReading {
            purpose: KeyPurpose::Signing,
            reading: CertifiedReading {
                attestation: vec![0xff].into(),
                signature: vec![1].into(),
            },
        },
        json!({
            "purpose": "signing",
            "reading": { "attestation": "/w==", "signature": "AQ==" }
        }),
    );
    travels_as(&LockState::Open {}, json!({ "state": "open" }));
    travels_as(
        &LockState::Locked {
            purpose: KeyPurpose::Authentication,
            until: 1_700_010_800,
            remaining_seconds: 10_800,
        },
        json!({
            "state": "locked",
            "purpose": "authentication",
            "until": 1_700_010_800,
            "remainingSeconds": 10_800
        }),
    );
    travels_as(&LockState::Closed {}, json!({ "state": "closed" }));
    travels_as(
        &RequestRelease {
            purpose: KeyPurpose::Authentication,
            session_nonce: vec![9].into(),
        },
        json!({ "purpose": "authentication", "sessionNonce": "CQ==" }),
    );
    travels_as(
        &Release {
            limit: 6,
            expiration_seconds: 60,
            signature: vec![1].into(),
        },
        json!({ "limit": 6, "expirationSeconds": 60, "signature": "AQ==" }),
    );
}

#[test]
fn events() {
    for (event, json) in [
        (
            Event::Hello {
                server_time: 1_700_000_000,
                keep_alive_seconds: 300,
            },
            json!({ "event": "hello", "serverTime": 1_700_000_000, "keepAliveSeconds": 300 }),
        ),
        (
            Event::Offered { transaction: ID },
            json!({ "event": "offered", "transaction": ID }),
        ),
        (
            Event::Withdrawn {
                transaction: ID,
                reason: Withdrawal::AnsweredElsewhere,
            },
            json!({ "event": "withdrawn", "transaction": ID, "reason": "answeredElsewhere" }),
        ),
        (
            Event::AccountChanged {},
            json!({ "event": "accountChanged" }),
        ),
    ] {
        travels_as(&event, json.clone());
        let mut numbered = json;
        numbered["cursor"] = 7.into();
        travels_as(&NumberedEvent { cursor: 7, event }, numbered);
    }
    travels_as(&EventBatch { events: vec![] }, json!({ "events": [] }));
    travels_as(&Acknowledge { cursor: 7 }, json!({ "cursor": 7 }));
}

#[test]
fn accounts() {
    travels_as(
        &AccountStatus {
            document_number: "PNOEE-40504040001-DEM0-Q".parse().unwrap(),
            level: CertificateLevel::Qualified,
            lock: LockState::Open {},
            closed: Some(Closure::Clone),
            expires_at: 1_800_000_000,
            pins: None,
        },
        json!({
            "documentNumber": "PNOEE-40504040001-DEM0-Q",
            "level": "QUALIFIED",
            "lock": { "state": "open" },
            "closed": "clone",
            "expiresAt": 1_800_000_000
        }),
    );
    travels_as(
        &ReportPinChange {
            purpose: KeyPurpose::Authentication,
        },
        json!({ "purpose": "authentication" }),
    );
    travels_as(&CloseAccount {}, json!({}));
    travels_as(&FetchAccount {}, json!({}));
    travels_as(&Done {}, json!({}));
}

#[test]
fn problems() {
    travels_as(
        &Problem {
            status: 423,
            code: ProblemCode::Locked,
            detail: "locked".to_owned(),
            retry_after_seconds: Some(60),
        },
        json!({ "status": 423, "code": "locked", "detail": "locked", "retryAfterSeconds": 60 }),
    );
    travels_as(
        &Problem {
            status: 409,
            code: ProblemCode::AlreadyAnswered,
            detail: String::new(),
            retry_after_seconds: None,
        },
        json!({ "status": 409, "code": "alreadyAnswered", "detail": "" }),
    );
}

#[test]
fn what_a_service_that_judges_pins_needs() {
    travels_as(
        &DeviceKey {
            modulus: vec![1].into(),
            pin_index_name: vec![2].into(),
            pin_proof_key: Some(vec![4].into()),
        },
        json!({ "modulus": "AQ==", "pinIndexName": "Ag==", "pinProofKey": "BA==" }),
    );
    travels_as(
        &Hardware::Token {
            device_key: vec![4].into(),
            description: "SoftHSM".to_owned(),
        },
        json!({ "kind": "token", "deviceKey": "BA==", "description": "SoftHSM" }),
    );
    travels_as(
        &ProvePin {
            purpose: KeyPurpose::Signing,
            act: ProvenAct::Sign {
                message_digest: vec![1].into(),
            },
            entry: 7,
            failures: 2,
            signature: vec![2].into(),
        },
        json!({
            "purpose": "signing",
            "act": { "kind": "sign", "messageDigest": "AQ==" },
            "entry": 7,
            "failures": 2,
            "signature": "Ag=="
        }),
    );
    travels_as(
        &ProvenAct::ChangePin {
            new_proof_key: vec![1].into(),
        },
        json!({ "kind": "changePin", "newProofKey": "AQ==" }),
    );
    travels_as(
        &PinVerdict {
            judgement: Judgement::SetBack,
            ledger: PinLedger {
                entries: 7,
                count: PinCount {
                    failures: 2,
                    limit: 3,
                },
            },
        },
        json!({
            "judgement": "setBack",
            "ledger": { "entries": 7, "count": { "failures": 2, "limit": 3 } }
        }),
    );
}
