//! Version 2, asked as its clients ask.

use symbolon_protocol::device::transaction::{Content, FlowType};
use symbolon_protocol::identifiers::CertificateLevel;
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::verification_code;

use super::*;
use crate::sessions::{ChosenCertificate, EndResult, SignedBy};

/// With one person, and a relying party that may use version 2.
async fn bench() -> Bench {
    let bench = Bench::configured("prefix = '/v3'\nprefix_v2 = '/v2'").await;
    bench.add_account(PERSON, DOCUMENT).await;
    bench
        .execute("UPDATE relying_party SET allow_version_2 = 1")
        .await;
    bench
}

fn request() -> Value {
    json!({
        "relyingPartyUUID": RELYING_PARTY,
        "relyingPartyName": "DEMO",
        "hash": STANDARD.encode([0x61; 64]),
        "hashType": "SHA512",
        "allowedInteractionsOrder": [
            {"type": "verificationCodeChoice", "displayText60": "Log in?"},
            {"type": "displayTextAndPIN", "displayText60": "Log in?"}
        ]
    })
}

/// Every path that opens a session, and the key that it asks for.
fn paths() -> [(String, KeyPurpose); 4] {
    let (login, signing) = (KeyPurpose::Authentication, KeyPurpose::Signing);
    [
        (format!("/v2/authentication/etsi/{PERSON}"), login),
        (format!("/v2/authentication/document/{DOCUMENT}"), login),
        (format!("/v2/signature/etsi/{PERSON}"), signing),
        (format!("/v2/signature/document/{DOCUMENT}"), signing),
    ]
}

#[tokio::test]
async fn every_path_opens_a_session_over_the_hash_alone() {
    let bench = bench().await;
    for (path, purpose) in paths() {
        let answer = bench.post(&path, &request()).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        let id: Uuid = answer.body["sessionID"].as_str().unwrap().parse().unwrap();
        // The relying party computes the code itself.
        assert_eq!(answer.body, json!({"sessionID": id}), "and nothing else");
        let session = bench.session(id).await;
        let Content::BareDigest {
            purpose: asked,
            digest,
            ..
        } = &session.request.content
        else {
            panic!("{:?}", session.request.content);
        };
        assert_eq!(*asked, purpose);
        assert_eq!(digest.as_slice(), [0x61; 64]);
        assert_eq!(session.request.flow_type, FlowType::Notification);
        let transaction = session.transaction_for(&DOCUMENT.parse().unwrap());
        assert_eq!(
            symbolon_protocol::transaction::verification_code(&transaction).unwrap(),
            Some(verification_code::for_challenge(&[0x61; 64]))
        );
    }
}

#[tokio::test]
async fn a_running_session_says_so_and_names_what_it_ignores() {
    let bench = bench().await;
    let properties = json!({"vcChoice": true, "shareMdClientIpAddress": false});
    let body = with(request(), "requestProperties", properties);
    let id = bench.open(&paths()[0].0, &body).await;
    let answer = bench.get(&format!("/v2/session/{id}?timeoutMs=1000")).await;
    assert_eq!(
        (answer.status, answer.body),
        (
            200,
            json!({"state": "RUNNING", "ignoredProperties": ["vcChoice"]})
        )
    );
}

#[tokio::test]
async fn a_signature_is_told_in_the_words_of_version_2() {
    let bench = bench().await;
    for (path, _) in paths() {
        for (hash_type, length, algorithm) in [
            ("SHA256", 32, "sha256WithRSAEncryption"),
            ("SHA384", 48, "sha384WithRSAEncryption"),
            ("SHA512", 64, "sha512WithRSAEncryption"),
        ] {
            let body = with(request(), "hashType", hash_type);
            let body = with(body, "hash", STANDARD.encode(vec![7; length]));
            let id = bench.open(&path, &body).await;
            bench.finish(id, signed()).await;
            let answer = bench.get(&format!("/v2/session/{id}")).await;
            let expected = json!({
                "state": "COMPLETE",
                "result": {"endResult": "OK", "documentNumber": DOCUMENT},
                "signature": {"value": STANDARD.encode([0x5a; 512]), "algorithm": algorithm},
                "cert": {"value": STANDARD.encode(b"DER"), "certificateLevel": "QUALIFIED"},
                "interactionFlowUsed": "verificationCodeChoice"
            });
            assert_eq!((answer.status, answer.body), (200, expected), "{path}");
        }
    }
}

#[tokio::test]
async fn every_other_end_has_a_word_that_its_clients_know() {
    let bench = bench().await;
    use EndResult::*;
    use InteractionType::*;
    for (number, (end_result, interaction, word)) in [
        (UserRefused, None, "USER_REFUSED"),
        (
            UserRefusedInteraction,
            Some(DisplayTextAndPin),
            "USER_REFUSED_DISPLAYTEXTANDPIN",
        ),
        (
            UserRefusedInteraction,
            Some(VerificationCodeChoice),
            "USER_REFUSED_VC_CHOICE",
        ),
        (
            UserRefusedInteraction,
            Some(ConfirmationMessage),
            "USER_REFUSED_CONFIRMATIONMESSAGE",
        ),
        (
            UserRefusedInteraction,
            Some(ConfirmationMessageAndVerificationCodeChoice),
            "USER_REFUSED_CONFIRMATIONMESSAGE_WITH_VC_CHOICE",
        ),
        (Timeout, None, "TIMEOUT"),
        (DocumentUnusable, None, "DOCUMENT_UNUSABLE"),
        (WrongVc, None, "WRONG_VC"),
        (
            RequiredInteractionNotSupportedByApp,
            None,
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
        ),
        (ProtocolFailure, None, "DOCUMENT_UNUSABLE"),
        (ServerError, None, "DOCUMENT_UNUSABLE"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(request(), "nonce", number.to_string());
        let id = bench.open(&paths()[0].0, &body).await;
        let result = SessionResult {
            interaction,
            document_number: Some(DOCUMENT.parse().unwrap()),
            ..SessionResult::without_signature(end_result)
        };
        bench.finish(id, result).await;
        let answer = bench.get(&format!("/v2/session/{id}")).await;
        let expected = json!({"state": "COMPLETE", "result": {"endResult": word}});
        assert_eq!((answer.status, answer.body), (200, expected));
    }
}

#[tokio::test]
async fn the_device_address_is_told_to_those_who_asked_and_may() {
    let bench = bench().await;
    let properties = json!({"shareMdClientIpAddress": true});
    let body = with(request(), "requestProperties", properties);
    let path = &paths()[0].0;
    assert_eq!(bench.post(path, &body).await.status, 403);
    bench
        .execute("UPDATE relying_party SET allow_ip_sharing = 1")
        .await;
    let mut result = signed();
    result.signed.as_mut().unwrap().device_address = Some("203.0.113.34".to_owned());
    for (body, told) in [(body, json!("203.0.113.34")), (request(), Value::Null)] {
        let id = bench.open(path, &body).await;
        bench.finish(id, result.clone()).await;
        let answer = bench.get(&format!("/v2/session/{id}")).await;
        assert_eq!(answer.body["deviceIpAddress"], told);
    }
}

#[tokio::test]
async fn the_same_request_within_15_seconds_is_the_same_session() {
    let bench = bench().await;
    let mut seen = std::collections::HashSet::new();
    for (path, _) in paths() {
        let first = bench.open(&path, &request()).await;
        assert_eq!(bench.open(&path, &request()).await, first, "{path}");
        seen.insert(first);
        seen.insert(bench.open(&path, &with(request(), "nonce", "1")).await);
    }
    assert_eq!(seen.len(), 8, "paths and nonces tell requests apart");
    bench
        .execute("UPDATE session SET created_at = created_at - 15000")
        .await;
    assert!(!seen.contains(&bench.open(&paths()[0].0, &request()).await));
}

#[tokio::test]
async fn a_refusal_has_a_number_and_a_message() {
    let bench = bench().await;
    bench
        .add_account("PNOLT-40504049999", "PNOLT-40504049999-MACK-NQ")
        .await;
    bench
        .add_account("PNOEE-50001029996", "PNOEE-50001029996-DEMC-Q")
        .await;
    bench
        .execute("UPDATE account SET state = 'registered' WHERE person = 'PNOEE-50001029996'")
        .await;
    let (login, _) = &paths()[0];
    let unknown = "10000000-0000-4000-8000-000000000000";
    for (path, body, status) in [
        (login.as_str(), with(request(), "hash", "*"), 400),
        ("/v2/authentication/etsi/nonsense", request(), 400),
        (login, with(request(), "relyingPartyName", "OTHER"), 401),
        (login, with(request(), "relyingPartyUUID", unknown), 403),
        (login, with(request(), "certificateLevel", "ADVANCED"), 403),
        (login, with(request(), "capabilities", json!(["X"])), 403),
        ("/v2/authentication/etsi/PNOEE-39001010003", request(), 404),
        (
            "/v2/authentication/document/PNOEE-40504040001-NANE-Q",
            request(),
            404,
        ),
        (
            "/v2/authentication/document/PNOEE-50001029996-DEMC-Q",
            request(),
            404,
        ),
        (
            "/v2/authentication/private/JIO/JIOIDNR-1234567890",
            request(),
            404,
        ),
        ("/v2/signature/private/ATM/1234567890123456", request(), 404),
        (
            "/v2/signature/private/ATM/1",
            with(request(), "hash", "*"),
            400,
        ),
        ("/v2/nothing", request(), 404),
        (
            "/v2/session/00000000-0000-4000-8000-000000000000",
            request(),
            405,
        ),
        ("/v2/signature/etsi/PNOLT-40504049999", request(), 471),
        ("/v2/signature/etsi/PNOEE-50001029996", request(), 472),
    ] {
        let answer = bench.post(path, &body).await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
        assert_eq!(answer.media_type, "application/json");
        assert_eq!(answer.body["code"], status, "{path}");
        assert_ne!(answer.body["message"].as_str().unwrap(), "");
        assert_eq!(answer.body.as_object().unwrap().len(), 2, "{answer:?}");
    }
    let elsewhere = from([192, 0, 2, 1], posting(login, request().to_string()));
    assert_eq!(bench.send(elsewhere).await.status, 401);
    let old = bench
        .get("/v2/session/00000000-0000-4000-8000-000000000000")
        .await;
    let expected = json!({"code": 404, "message": "Not Found"});
    assert_eq!((old.status, old.body), (404, expected));
    let short = bench
        .get(&format!("/v2/session/{}?timeoutMs=x", Uuid::nil()))
        .await;
    assert_eq!((short.status, &short.body["code"]), (400, &json!(400)));
    bench.store.close().await;
    let answer = bench.post(login, &request()).await;
    assert_eq!((answer.status, &answer.body["code"]), (580, &json!(580)));
}

#[tokio::test]
async fn who_has_begun_to_enrol_is_nobody_in_version_3() {
    let bench = Bench::with_person().await;
    bench
        .execute("UPDATE account SET state = 'registered'")
        .await;
    let answer = bench.post(&login_path(), &login()).await;
    assert_eq!((answer.status, answer.body.get("errors")), (404, None));
}

#[tokio::test]
async fn what_is_asked_in_one_version_is_told_in_it_alone() {
    let bench = bench().await;
    let old = bench.open(&paths()[0].0, &request()).await;
    let new = bench.open(&login_path(), &login()).await;
    for (path, status) in [
        (format!("/v2/session/{old}?timeoutMs=1000"), 200),
        (format!("/v3/session/{old}?timeoutMs=1000"), 404),
        (format!("/v2/session/{new}?timeoutMs=1000"), 404),
        (format!("/v3/session/{new}?timeoutMs=1000"), 200),
    ] {
        assert_eq!(bench.get(&path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn version_2_is_given_by_the_service_and_to_each_relying_party() {
    let given = bench().await;
    given
        .execute("UPDATE relying_party SET allow_version_2 = 0")
        .await;
    let everywhere = Bench::with_person().await;
    everywhere
        .execute("UPDATE relying_party SET allow_version_2 = 1")
        .await;
    for (path, _) in paths() {
        let forbidden = given.post(&path, &request()).await;
        assert_eq!(
            (forbidden.status, &forbidden.body["code"]),
            (403, &json!(403))
        );
        let not_served = everywhere.post(&path, &request()).await;
        assert_eq!(not_served.status, 404);
        assert_eq!(not_served.media_type, "application/problem+json");
    }
}

#[tokio::test]
async fn the_choice_without_a_message_is_no_interaction_of_version_3() {
    let bench = bench().await;
    let choice = r#"[{"type":"verificationCodeChoice","displayText60":"a"}]"#;
    let body = with(login(), "interactions", STANDARD.encode(choice));
    assert_eq!(bench.post(&login_path(), &body).await.status, 400);
}

fn signed() -> SessionResult {
    SessionResult {
        end_result: EndResult::Ok,
        document_number: Some(DOCUMENT.parse().unwrap()),
        interaction: Some(InteractionType::VerificationCodeChoice),
        signed: Some(SignedBy {
            signature: vec![0x5a; 512].into(),
            user_challenge: None,
            certificate: b"DER".to_vec().into(),
            level: CertificateLevel::Qualified,
            device_address: None,
        }),
        chosen: None,
    }
}

fn choice() -> Value {
    json!({"relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO"})
}

#[tokio::test]
async fn a_certificate_choice_ends_with_the_certificate_and_no_signature() {
    let bench = bench().await;
    for path in [
        format!("/v2/certificatechoice/etsi/{PERSON}"),
        format!("/v2/certificatechoice/document/{DOCUMENT}"),
    ] {
        let body = with(choice(), "certificateLevel", "QSCD");
        let answer = bench.post(&path, &body).await;
        let id = answer.body["sessionID"].as_str().unwrap();
        assert_eq!(answer.body, json!({"sessionID": id}), "and nothing else");
        // The same within 15 seconds, unless a nonce says otherwise.
        assert_eq!(bench.post(&path, &body).await.body["sessionID"], id);
        let other = bench.open(&path, &with(body, "nonce", "1")).await;
        assert_ne!(other.to_string(), id);
        let session = bench.session(id.parse().unwrap()).await;
        assert_eq!(session.request.content, Content::CertificateChoice {});

        bench.finish(session.id, chosen()).await;
        let answer = bench.get(&format!("/v2/session/{id}")).await;
        let expected = json!({
            "state": "COMPLETE",
            "result": {"endResult": "OK", "documentNumber": DOCUMENT},
            "cert": {"value": STANDARD.encode(b"DER"), "certificateLevel": "QUALIFIED"}
        });
        assert_eq!((answer.status, answer.body), (200, expected));
        let answer = bench.get(&format!("/v3/session/{id}")).await;
        assert_eq!(answer.status, 404, "a session of version 2");

        let refused = SessionResult::without_signature(EndResult::UserRefusedCertChoice);
        bench.finish(other, refused).await;
        let answer = bench.get(&format!("/v2/session/{other}")).await;
        let word = json!({"endResult": "USER_REFUSED_CERT_CHOICE"});
        assert_eq!(answer.body["result"], word);
    }
}

#[tokio::test]
async fn a_certificate_choice_keeps_the_rules_of_all_requests() {
    let bench = bench().await;
    bench
        .add_account("PNOLT-40504049999", "PNOLT-40504049999-MACK-NQ")
        .await;
    let path = format!("/v2/certificatechoice/etsi/{PERSON}");
    let shared = json!({"shareMdClientIpAddress": true});
    let long_name = "a".repeat(33);
    for (path, body, status) in [
        (path.as_str(), with(choice(), "nonce", ""), 400),
        (&path, with(choice(), "nonce", "a".repeat(31)), 400),
        (&path, with(choice(), "certificateLevel", "HIGH"), 400),
        (&path, with(choice(), "relyingPartyName", long_name), 400),
        (&path, with(choice(), "relyingPartyUUID", "x"), 400),
        (&path, with(choice(), "requestProperties", 1), 400),
        (&path, with(choice(), "relyingPartyName", "OTHER"), 401),
        (&path, with(choice(), "certificateLevel", "ADVANCED"), 403),
        (&path, with(choice(), "requestProperties", shared), 403),
        (&path, with(choice(), "capabilities", json!(["X"])), 403),
        (
            "/v2/certificatechoice/etsi/PNOEE-39001010003",
            choice(),
            404,
        ),
        ("/v2/certificatechoice/private/ATM/1", choice(), 404),
        (
            "/v2/certificatechoice/etsi/PNOLT-40504049999",
            choice(),
            471,
        ),
    ] {
        let answer = bench.post(path, &body).await;
        assert_eq!(answer.status, status, "{path} {body} {answer:?}");
        assert_eq!(answer.body["code"], status);
    }
    bench
        .execute("UPDATE relying_party SET allow_version_2 = 0")
        .await;
    assert_eq!(bench.post(&path, &choice()).await.status, 403);
}

fn chosen() -> SessionResult {
    SessionResult {
        end_result: EndResult::Ok,
        document_number: Some(DOCUMENT.parse().unwrap()),
        interaction: None,
        signed: None,
        chosen: Some(ChosenCertificate {
            certificate: b"DER".to_vec().into(),
            level: CertificateLevel::Qualified,
            device_address: None,
        }),
    }
}
