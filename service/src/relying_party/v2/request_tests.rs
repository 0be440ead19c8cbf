//! Every rule of the request's fields, each by the request that breaks it.

use serde_json::json;

use super::*;
use crate::relying_party::request::Properties;

fn whole() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "hash": STANDARD.encode([0x61; 64]),
        "hashType": "SHA512",
        "allowedInteractionsOrder": [
            {"type": "confirmationMessageAndVerificationCodeChoice", "displayText200": "a"},
            {"type": "confirmationMessage", "displayText200": "b"},
            {"type": "verificationCodeChoice", "displayText60": "c"},
            {"type": "displayTextAndPIN", "displayText60": "d"}
        ],
        "nonce": "d8XkbEnA0WsE0PvBZZoxGnPI4ml9qk",
        "requestProperties": {"shareMdClientIpAddress": true, "vcChoice": true},
        "capabilities": ["QUALIFIED"]
    })
}

/// The whole request with one field set, or taken away where `value` is null.
fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut body = whole();
    body[name] = value;
    body.as_object().unwrap().clone()
}

fn pointers(problem: &Problem) -> Vec<&str> {
    problem
        .errors()
        .iter()
        .map(|violation| violation.pointer.as_deref().unwrap())
        .collect()
}

#[test]
fn a_whole_request_is_taken_for_a_login_and_for_a_signature() {
    for (kind, purpose) in [
        (SessionKind::Authentication, KeyPurpose::Authentication),
        (SessionKind::Signature, KeyPurpose::Signing),
    ] {
        let request = parse(kind, whole().as_object().unwrap()).unwrap();
        let interactions = Interactions::parse(&request.interactions, Flow::BareDigest).unwrap();
        let shown: Vec<_> = interactions
            .offered()
            .iter()
            .map(|interaction| (interaction.kind.as_str(), interaction.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("confirmationMessageAndVerificationCodeChoice", "a"),
                ("confirmationMessage", "b"),
                ("verificationCodeChoice", "c"),
                ("displayTextAndPIN", "d"),
            ]
        );
        let expected = OpeningRequest {
            claim: Claim {
                uuid: "00000000-0000-4000-8000-000000000000".parse().unwrap(),
                name: "DEMO".to_owned(),
            },
            level: MinimumLevel::Qualified,
            content: RequestedContent::BareDigest {
                purpose,
                digest: vec![0x61; 64],
            },
            algorithm: SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512),
            interactions: request.interactions.clone(),
            initial_callback_url: None,
            nonce: Some("d8XkbEnA0WsE0PvBZZoxGnPI4ml9qk".to_owned()),
            properties: Properties {
                share_device_address: true,
                ignored: vec!["vcChoice".to_owned()],
            },
            capabilities: vec!["QUALIFIED".to_owned()],
        };
        assert_eq!(request, expected);
    }
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let mut body = whole();
    for name in [
        "certificateLevel",
        "nonce",
        "requestProperties",
        "capabilities",
    ] {
        body[name] = Value::Null;
    }
    let request = parse(SessionKind::Authentication, body.as_object().unwrap()).unwrap();
    assert_eq!(request.level, MinimumLevel::Qualified);
    assert_eq!(request.nonce, None);
    assert_eq!(request.properties, Properties::default());
    assert!(request.capabilities.is_empty());
}

#[test]
fn each_hash_has_its_length() {
    for (name, length, hash) in [
        ("SHA256", 32, HashAlgorithm::Sha256),
        ("SHA384", 48, HashAlgorithm::Sha384),
        ("SHA512", 64, HashAlgorithm::Sha512),
    ] {
        for (found, fits) in [(length - 1, false), (length, true), (length + 1, false)] {
            let mut body = with("hashType", json!(name));
            body["hash"] = json!(STANDARD.encode(vec![1; found]));
            match parse(SessionKind::Signature, &body) {
                Ok(request) if fits => {
                    assert_eq!(request.algorithm, SignatureAlgorithm::Pkcs1(hash));
                }
                Err(problem) if !fits => assert_eq!(pointers(&problem), ["/hash"]),
                other => panic!("{name} {found}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_level_beyond_qualified_goes_with_signatures_alone() {
    let body = with("certificateLevel", json!("QSCD"));
    let request = parse(SessionKind::Signature, &body).unwrap();
    assert_eq!(request.level, MinimumLevel::Qscd);
    let problem = parse(SessionKind::Authentication, &body).unwrap_err();
    assert_eq!(pointers(&problem), ["/certificateLevel"]);
}

#[test]
fn a_name_has_32_octets_at_most() {
    for (name, fits) in [
        ("a".repeat(32), true),
        ("õ".repeat(16), true),
        ("a".repeat(33), false),
        ("õ".repeat(17), false),
    ] {
        let body = with("relyingPartyName", json!(name));
        match parse(SessionKind::Signature, &body) {
            Ok(_) => assert!(fits, "{name}"),
            Err(problem) => {
                assert!(!fits, "{name}");
                assert_eq!(pointers(&problem), ["/relyingPartyName"]);
            }
        }
    }
}

#[test]
fn each_broken_rule_is_named_by_its_pointer() {
    let interaction = |kind: &str, field: &str, text: &str| json!([{"type": kind, field: text}]);
    let sixty_one = "a".repeat(61);
    let two_hundred_one = "a".repeat(201);
    let pin = "displayTextAndPIN";
    for (name, value) in [
        ("relyingPartyUUID", Value::Null),
        ("relyingPartyUUID", json!("not-a-uuid")),
        ("relyingPartyName", Value::Null),
        ("relyingPartyName", json!("")),
        ("certificateLevel", json!("qualified")),
        ("certificateLevel", json!(7)),
        ("hash", Value::Null),
        ("hash", json!("")),
        ("hash", json!("*")),
        (
            "hash",
            json!(STANDARD.encode([1; 64]).trim_end_matches('=')),
        ),
        ("hashType", Value::Null),
        ("hashType", json!("SHA-512")),
        ("hashType", json!("SHA1")),
        ("hashType", json!("SHA3-512")),
        ("allowedInteractionsOrder", Value::Null),
        ("allowedInteractionsOrder", json!([])),
        ("allowedInteractionsOrder", json!("W10=")),
        ("allowedInteractionsOrder", json!({"type": pin})),
        ("allowedInteractionsOrder", json!([pin])),
        ("allowedInteractionsOrder", json!([{"type": pin}])),
        (
            "allowedInteractionsOrder",
            interaction(pin, "displayText60", &sixty_one),
        ),
        (
            "allowedInteractionsOrder",
            interaction("verificationCodeChoice", "displayText60", &sixty_one),
        ),
        (
            "allowedInteractionsOrder",
            interaction("verificationCodeChoice", "displayText200", "a"),
        ),
        (
            "allowedInteractionsOrder",
            interaction("confirmationMessage", "displayText200", &two_hundred_one),
        ),
        (
            "allowedInteractionsOrder",
            interaction("somethingElse", "displayText60", "a"),
        ),
        (
            "allowedInteractionsOrder",
            json!([
                {"type": pin, "displayText60": "a"},
                {"type": pin, "displayText60": "b"}
            ]),
        ),
        ("nonce", json!("")),
        ("nonce", json!("a".repeat(31))),
        ("requestProperties", json!([])),
        ("capabilities", json!("QUALIFIED")),
    ] {
        let problem = parse(SessionKind::Signature, &with(name, value.clone())).unwrap_err();
        assert_eq!(problem.status(), 400);
        assert_eq!(pointers(&problem), [format!("/{name}")], "{value}");
    }
}

#[test]
fn all_faults_are_found_at_once() {
    let problem = parse(SessionKind::Authentication, &Map::new()).unwrap_err();
    assert_eq!(
        pointers(&problem),
        [
            "/relyingPartyUUID",
            "/relyingPartyName",
            "/hashType",
            "/hash",
            "/allowedInteractionsOrder"
        ]
    );
}
