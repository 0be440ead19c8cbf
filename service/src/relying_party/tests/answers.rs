//! Complete statuses, checked as the official Java client checks them before it looks at the
//! signature itself.

use symbolon_protocol::encoding::HashAlgorithm;
use symbolon_protocol::identifiers::CertificateLevel;
use symbolon_protocol::interaction::InteractionType;

use super::*;
use crate::sessions::{EndResult, SignedBy};

const USER_CHALLENGE: &str = "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI";

#[tokio::test]
async fn a_login_is_told_whole() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    bench.finish(id, signed(Some(USER_CHALLENGE))).await;
    let answer = bench.get(&format!("/v3/session/{id}")).await;
    let server_random = answer.body["signature"]["serverRandom"].clone();
    assert_eq!(
        answer.body,
        json!({
            "state": "COMPLETE",
            "result": {"endResult": "OK", "documentNumber": DOCUMENT},
            "signatureProtocol": "ACSP_V2",
            "signature": {
                "value": STANDARD.encode([0x5a; 512]),
                "serverRandom": server_random,
                "userChallenge": USER_CHALLENGE,
                "flowType": "Notification",
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": {
                    "hashAlgorithm": "SHA-256",
                    "maskGenAlgorithm": {
                        "algorithm": "id-mgf1",
                        "parameters": {"hashAlgorithm": "SHA-256"}
                    },
                    "saltLength": 32,
                    "trailerField": "0xbc"
                }
            },
            "cert": {"value": STANDARD.encode(b"DER"), "certificateLevel": "QUALIFIED"},
            "interactionTypeUsed": "displayTextAndPIN"
        })
    );
}

#[tokio::test]
async fn a_login_passes_the_checks_of_the_java_client_with_every_hash() {
    let bench = Bench::with_person().await;
    for hash in HashAlgorithm::ALL {
        let mut body = login();
        body["signatureProtocolParameters"]["signatureAlgorithmParameters"]["hashAlgorithm"] =
            json!(hash.as_str());
        let id = bench.open(&login_path(), &body).await;
        bench.finish(id, signed(Some(USER_CHALLENGE))).await;
        let status = bench.get(&format!("/v3/session/{id}")).await.body;
        java_checks_result(&status, "ACSP_V2");
        java_checks_algorithm(&status["signature"], hash);
        let random = status["signature"]["serverRandom"].as_str().unwrap();
        assert!(random.len() >= 24 && is_base64(random), "{random}");
        let challenge = status["signature"]["userChallenge"].as_str().unwrap();
        assert!(challenge.len() == 43 && challenge.bytes().all(is_base64url));
    }
}

#[tokio::test]
async fn a_signature_passes_the_checks_of_the_java_client_with_every_hash() {
    let bench = Bench::with_person().await;
    for hash in HashAlgorithm::ALL {
        let mut body = signing();
        body["signatureProtocolParameters"] = json!({
            "digest": STANDARD.encode(vec![7; hash.length()]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": hash.as_str()}
        });
        let id = bench.open(&signing_path(), &body).await;
        bench.finish(id, signed(None)).await;
        let status = bench.get(&format!("/v3/session/{id}")).await.body;
        java_checks_result(&status, "RAW_DIGEST_SIGNATURE");
        java_checks_algorithm(&status["signature"], hash);
        for absent in ["serverRandom", "userChallenge"] {
            assert!(status["signature"].get(absent).is_none(), "{absent}");
        }
    }
}

#[tokio::test]
async fn pkcs1_results_name_the_algorithm_and_no_parameters() {
    let bench = Bench::with_person().await;
    for (algorithm, length) in [
        ("sha256WithRSAEncryption", 32),
        ("sha384WithRSAEncryption", 48),
        ("sha512WithRSAEncryption", 64),
    ] {
        let mut body = signing();
        body["signatureProtocolParameters"] = json!({
            "digest": STANDARD.encode(vec![7; length]),
            "signatureAlgorithm": algorithm
        });
        let id = bench.open(&signing_path(), &body).await;
        bench.finish(id, signed(None)).await;
        let signature = &bench.get(&format!("/v3/session/{id}")).await.body["signature"];
        assert_eq!(
            *signature,
            json!({
                "value": STANDARD.encode([0x5a; 512]),
                "flowType": "Notification",
                "signatureAlgorithm": algorithm
            })
        );
    }
}

#[tokio::test]
async fn every_other_end_names_its_reason_and_nothing_of_the_person() {
    let bench = Bench::with_person().await;
    for (end_result, name) in [
        (EndResult::UserRefused, "USER_REFUSED"),
        (EndResult::Timeout, "TIMEOUT"),
        (EndResult::DocumentUnusable, "DOCUMENT_UNUSABLE"),
        (EndResult::ProtocolFailure, "PROTOCOL_FAILURE"),
        (EndResult::WrongVc, "WRONG_VC"),
        (
            EndResult::RequiredInteractionNotSupportedByApp,
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
        ),
        (EndResult::ServerError, "SERVER_ERROR"),
    ] {
        let id = bench.open(&login_path(), &login()).await;
        let refused = SessionResult {
            document_number: Some(DOCUMENT.parse().unwrap()),
            ..SessionResult::without_signature(end_result)
        };
        bench.finish(id, refused).await;
        let answer = bench.get(&format!("/v3/session/{id}")).await;
        let expected = json!({"state": "COMPLETE", "result": {"endResult": name}});
        assert_eq!((answer.status, answer.body), (200, expected));
    }
}

#[tokio::test]
async fn a_refusal_on_the_screen_names_the_interaction() {
    let bench = Bench::with_person().await;
    for (interaction, name) in [
        (InteractionType::DisplayTextAndPin, "displayTextAndPIN"),
        (InteractionType::ConfirmationMessage, "confirmationMessage"),
        (
            InteractionType::ConfirmationMessageAndVerificationCodeChoice,
            "confirmationMessageAndVerificationCodeChoice",
        ),
    ] {
        let id = bench.open(&login_path(), &login()).await;
        let refused = SessionResult {
            interaction: Some(interaction),
            ..SessionResult::without_signature(EndResult::UserRefusedInteraction)
        };
        bench.finish(id, refused).await;
        let answer = bench.get(&format!("/v3/session/{id}")).await;
        let expected = json!({
            "state": "COMPLETE",
            "result": {
                "endResult": "USER_REFUSED_INTERACTION",
                "details": {"interaction": name}
            }
        });
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn the_device_address_is_told_to_those_alone_who_asked_and_may() {
    let bench = Bench::with_person().await;
    let privileged = RelyingParty {
        uuid: Uuid::from_u128(9),
        allow_ip_sharing: true,
        ..demo_party()
    };
    registry::add(&bench.store, &privileged).await.unwrap();
    let mut result = signed(Some(USER_CHALLENGE));
    result.signed.as_mut().unwrap().device_address = Some("203.0.113.34".to_owned());
    for (asks, told) in [(true, json!("203.0.113.34")), (false, Value::Null)] {
        let body = with(login(), "relyingPartyUUID", privileged.uuid.to_string());
        let properties = json!({"shareMdClientIpAddress": asks});
        let body = with(body, "requestProperties", properties);
        let id = bench.open(&login_path(), &body).await;
        bench.finish(id, result.clone()).await;
        let answer = bench.get(&format!("/v3/session/{id}")).await;
        assert_eq!(answer.body["deviceIpAddress"], told);
    }
}

/// As the device API leaves it when a person agreed.
fn signed(user_challenge: Option<&str>) -> SessionResult {
    SessionResult {
        end_result: EndResult::Ok,
        document_number: Some(DOCUMENT.parse().unwrap()),
        interaction: Some(InteractionType::DisplayTextAndPin),
        signed: Some(SignedBy {
            signature: vec![0x5a; 512].into(),
            user_challenge: user_challenge.map(str::to_owned),
            certificate: b"DER".to_vec().into(),
            level: CertificateLevel::Qualified,
            device_address: None,
        }),
        chosen: None,
    }
}

fn java_checks_result(status: &Value, protocol: &str) {
    assert_eq!(status["state"], "COMPLETE");
    assert_eq!(status["result"]["endResult"], "OK");
    assert_ne!(status["result"]["documentNumber"].as_str().unwrap(), "");
    assert_eq!(status["signatureProtocol"], protocol);
    assert!(is_base64(status["signature"]["value"].as_str().unwrap()));
    assert!(
        ["QR", "Web2App", "App2App", "Notification"]
            .contains(&status["signature"]["flowType"].as_str().unwrap())
    );
    assert!(is_base64(status["cert"]["value"].as_str().unwrap()));
    assert!(
        ["ADVANCED", "QUALIFIED"].contains(&status["cert"]["certificateLevel"].as_str().unwrap())
    );
    assert_ne!(status["interactionTypeUsed"].as_str().unwrap(), "");
}

fn java_checks_algorithm(signature: &Value, hash: HashAlgorithm) {
    assert_eq!(signature["signatureAlgorithm"], "rsassa-pss");
    let parameters = &signature["signatureAlgorithmParameters"];
    assert_eq!(parameters["hashAlgorithm"], hash.as_str());
    let mask = &parameters["maskGenAlgorithm"];
    assert_eq!(mask["algorithm"], "id-mgf1");
    assert_eq!(mask["parameters"]["hashAlgorithm"], hash.as_str());
    assert_eq!(parameters["saltLength"], hash.length());
    assert_eq!(parameters["trailerField"], "0xbc");
}

fn is_base64(text: &str) -> bool {
    !text.is_empty() && STANDARD.decode(text).is_ok()
}

fn is_base64url(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_')
}
