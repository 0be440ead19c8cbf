//! The messages as they travel, spelt out: what stands here cannot change without breaking devices
//! that are already enrolled.

mod account_life;

use serde_json::{Value, json};
use uuid::Uuid;

use super::enrolment::{BeginEnrolment, ComposedKey, KeysRegistered};
use super::transaction::*;
use super::*;
use crate::encoding::{HashAlgorithm, SignatureAlgorithm};
use crate::identifiers::KeyPurpose;
use crate::interaction::InteractionType;

const ID: Uuid = Uuid::from_u128(0xfa20_fd1e_e320_4c68_8315_f6a5_07a0_b4a9);

/// The value is written as `expected`, read back from it, and from it with a field that a newer
/// side added.
fn travels_as<T>(value: &T, expected: Value)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(serde_json::to_value(value).unwrap(), expected);
    let read: T = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(&read, value);
    if let Value::Object(mut fields) = expected {
        fields.insert("fieldOfTheFuture".to_owned(), json!({ "a": 1 }));
        let read: T = serde_json::from_value(Value::Object(fields)).unwrap();
        assert_eq!(&read, value);
    }
}

fn login() -> (Transaction, Value) {
    (
        Transaction {
            id: ID,
            document_number: "PNOEE-40504040001-DEM0-Q".parse().unwrap(),
            relying_party_name: "DEMO".to_owned(),
            brokered_relying_party_name: None,
            content: Content::Authentication {
                scheme_name: "smart-id-demo".to_owned(),
                server_random: "2BRq6GXciED/sysSj7n6rxzA".to_owned(),
                rp_challenge: "YWFh".to_owned(),
                terms: SigningTerms {
                    interactions: "W10=".to_owned(),
                    signature_algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha3_512),
                },
            },
            flow_type: FlowType::Notification,
            initial_callback_url: None,
            created_at: 1_700_000_000,
            expires_in_seconds: 120,
        },
        json!({
            "id": "fa20fd1e-e320-4c68-8315-f6a507a0b4a9",
            "documentNumber": "PNOEE-40504040001-DEM0-Q",
            "relyingPartyName": "DEMO",
            "brokeredRelyingPartyName": null,
            "content": {
                "kind": "authentication",
                "schemeName": "smart-id-demo",
                "serverRandom": "2BRq6GXciED/sysSj7n6rxzA",
                "rpChallenge": "YWFh",
                "terms": {
                    "interactions": "W10=",
                    "signatureAlgorithm": { "scheme": "rsassa-pss", "hash": "SHA3-512" }
                }
            },
            "flowType": "Notification",
            "initialCallbackUrl": null,
            "createdAt": 1_700_000_000,
            "expiresInSeconds": 120
        }),
    )
}

#[test]
fn transactions() {
    let (transaction, json) = login();
    assert_eq!(transaction.purpose(), Some(KeyPurpose::Authentication));
    travels_as(&transaction, json.clone());
    travels_as(
        &Pending {
            transactions: vec![transaction.clone()],
        },
        json!({ "transactions": [json] }),
    );
    let signature = Transaction {
        content: Content::Signature {
            digest: vec![1, 2, 3].into(),
            verification_code: Some("0420".to_owned()),
            linked_session: Some(ID),
            terms: SigningTerms {
                interactions: "W10=".to_owned(),
                signature_algorithm: SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256),
            },
        },
        flow_type: FlowType::Web2App,
        initial_callback_url: Some("https://rp.example.com".to_owned()),
        ..transaction.clone()
    };
    assert_eq!(signature.purpose(), Some(KeyPurpose::Signing));
    let written = serde_json::to_value(&signature).unwrap();
    assert_eq!(
        written["content"],
        json!({
            "kind": "signature",
            "digest": "AQID",
            "verificationCode": "0420",
            "linkedSession": "fa20fd1e-e320-4c68-8315-f6a507a0b4a9",
            "terms": {
                "interactions": "W10=",
                "signatureAlgorithm": { "scheme": "rsassa-pkcs1-v1_5", "hash": "SHA-256" }
            }
        })
    );
    travels_as(&signature, written);
    let choice = Transaction {
        content: Content::CertificateChoice {},
        ..transaction
    };
    let written = serde_json::to_value(&choice).unwrap();
    assert_eq!(written["content"], json!({ "kind": "certificateChoice" }));
    travels_as(&choice, written);
}

#[test]
fn optional_fields_may_be_left_out() {
    let (transaction, mut json) = login();
    let fields = json.as_object_mut().unwrap();
    fields.remove("initialCallbackUrl");
    fields.remove("brokeredRelyingPartyName");
    assert_eq!(
        serde_json::from_value::<Transaction>(json).unwrap(),
        transaction
    );
}

#[test]
fn answers_to_transactions() {
    travels_as(
        &Confirm {
            share: vec![0xff; 3].into(),
            salt: vec![].into(),
            interaction: InteractionType::DisplayTextAndPin,
            user_challenge: Some("TTb4".to_owned()),
            freshness_token: "token".to_owned(),
        },
        json!({
            "share": "////",
            "salt": "",
            "interaction": "displayTextAndPIN",
            "userChallenge": "TTb4",
            "freshnessToken": "token"
        }),
    );
    travels_as(&Consent {}, json!({}));
    travels_as(
        &Consented {
            linked_within_seconds: Some(60),
        },
        json!({ "linkedWithinSeconds": 60 }),
    );
    travels_as(
        &Confirmed {
            signature: vec![1].into(),
            freshness_token: "next".to_owned(),
        },
        json!({ "signature": "AQ==", "freshnessToken": "next" }),
    );
    for (reason, spelling) in [
        (RefusalReason::User, "user"),
        (
            RefusalReason::NoSupportedInteraction,
            "noSupportedInteraction",
        ),
        (RefusalReason::ProtocolFailure, "protocolFailure"),
    ] {
        travels_as(
            &Refuse {
                reason,
                interaction: Some(InteractionType::ConfirmationMessage),
            },
            json!({ "reason": spelling, "interaction": "confirmationMessage" }),
        );
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let (_, json) = login();
    for (field, value) in [
        ("/id", json!("no uuid")),
        ("/documentNumber", json!("PNOEE-../../x-DEM0-Q")),
        ("/flowType", json!("notification")),
        ("/content", json!({ "kind": "authentication" })),
        ("/content", json!({ "kind": "other" })),
        (
            "/content/terms/signatureAlgorithm",
            json!({ "scheme": "rsassa-pss", "hash": "MD5" }),
        ),
        ("/expiresInSeconds", json!(-1)),
        ("/content/terms/interactions", json!(null)),
        ("/content/terms", json!(null)),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(field).unwrap() = value;
        assert!(
            serde_json::from_value::<Transaction>(changed).is_err(),
            "{field}"
        );
    }
    for share in ["not Base64", "/_-=", "AQ", "AQ=", "AR=="] {
        let confirm = json!({
            "share": share, "salt": "", "interaction": "displayTextAndPIN",
            "userChallenge": null, "freshnessToken": ""
        });
        assert!(
            serde_json::from_value::<Confirm>(confirm).is_err(),
            "{share}"
        );
    }
}

#[test]
fn secrets_are_not_printed() {
    let secret = "a-secret-token";
    let confirm = Confirm {
        share: vec![1].into(),
        salt: vec![].into(),
        interaction: InteractionType::ConfirmationMessage,
        user_challenge: None,
        freshness_token: secret.to_owned(),
    };
    let confirmed = Confirmed {
        signature: vec![].into(),
        freshness_token: secret.to_owned(),
    };
    let key = ComposedKey {
        modulus: vec![].into(),
        certificate: vec![].into(),
    };
    let registered = KeysRegistered {
        authentication: key.clone(),
        signing: key,
        freshness_token: secret.to_owned(),
    };
    let begin = BeginEnrolment {
        code: secret.to_owned(),
        device_name: "laptop".to_owned(),
    };
    for printed in [
        format!("{confirm:?}"),
        format!("{confirmed:?}"),
        format!("{registered:?}"),
        format!("{begin:?}"),
    ] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn paths_are_filled_in() {
    assert_eq!(
        path_of::<Confirm>(&ID.to_string()),
        "/device/v1/transactions/fa20fd1e-e320-4c68-8315-f6a507a0b4a9/confirm"
    );
    assert_eq!(
        path_of::<Consent>(&ID.to_string()),
        "/device/v1/transactions/fa20fd1e-e320-4c68-8315-f6a507a0b4a9/consent"
    );
    assert_eq!(path_of::<ListPending>(""), "/device/v1/transactions");
    assert_eq!(Confirm::METHOD, Method::Post);
    assert_eq!(FetchTransaction::METHOD, Method::Get);
}

/// The longest texts that a relying party may send, ten at once, fit the bound with room to spare.
#[test]
fn a_flooded_pending_list_fits_the_largest_body() {
    let (transaction, _) = login();
    let longest = Transaction {
        content: Content::Signature {
            digest: vec![1; 64].into(),
            verification_code: Some("0420".to_owned()),
            linked_session: Some(ID),
            terms: SigningTerms {
                interactions: "A".repeat(crate::interaction::MAX_LENGTH),
                signature_algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha512),
            },
        },
        initial_callback_url: Some("a".repeat(1800)),
        relying_party_name: "ä".repeat(64),
        ..transaction
    };
    let pending = Pending {
        transactions: vec![longest; 10],
    };
    assert!(serde_json::to_vec(&pending).unwrap().len() < MAX_BODY);
}

#[test]
fn what_a_link_led_to_was_taken_up_and_all_else_was_pushed() {
    let (login, _) = login();
    let signature = |linked_session| Content::Signature {
        digest: vec![1; 64].into(),
        verification_code: None,
        linked_session,
        terms: SigningTerms {
            interactions: String::new(),
            signature_algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha512),
        },
    };
    for (content, flow_type, taken_up) in [
        (login.content.clone(), FlowType::Notification, false),
        (login.content.clone(), FlowType::QR, true),
        (login.content, FlowType::App2App, true),
        (signature(None), FlowType::Notification, false),
        (signature(None), FlowType::Web2App, true),
        (signature(Some(ID)), FlowType::Notification, true),
        (Content::CertificateChoice {}, FlowType::Notification, false),
        (Content::CertificateChoice {}, FlowType::QR, true),
    ] {
        assert_eq!(content.is_taken_up(flow_type), taken_up, "{content:?}");
    }
}
