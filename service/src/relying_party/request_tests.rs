//! Every rule of the request's fields, each by the request that breaks it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};

use super::*;

const LOGIN: &str =
    "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZ2luPyJ9XQ==";

/// As the Java client sends it, every field filled in.
fn authentication() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QUALIFIED",
        "signatureProtocol": "ACSP_V2",
        "signatureProtocolParameters": {
            "rpChallenge": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA3-512"}
        },
        "interactions": LOGIN,
        "requestProperties": {"shareMdClientIpAddress": true},
        "vcType": "numeric4"
    })
}

fn signature() -> Value {
    json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
        "certificateLevel": "QSCD",
        "signatureProtocol": "RAW_DIGEST_SIGNATURE",
        "signatureProtocolParameters": {
            "digest": STANDARD.encode([0x61; 64]),
            "signatureAlgorithm": "rsassa-pss",
            "signatureAlgorithmParameters": {"hashAlgorithm": "SHA-512"}
        },
        "nonce": "d8XkbEnA0WsE0PvBZZoxGnPI4ml9qk",
        "interactions": LOGIN
    })
}

/// `base` with the value at `pointer` set, or taken away where `value` is `None`.
fn with(mut base: Value, pointer: &str, value: Option<Value>) -> Map<String, Value> {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = base.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    base.as_object().unwrap().clone()
}

fn parse(kind: SessionKind, body: &Map<String, Value>) -> Result<OpeningRequest, Problem> {
    OpeningRequest::parse(kind, Flow::Notification, body)
}

fn pointers(problem: &Problem) -> Vec<&str> {
    problem
        .errors()
        .iter()
        .map(|violation| violation.pointer.as_deref().unwrap())
        .collect()
}

#[test]
fn a_whole_authentication_request_is_taken_as_sent() {
    let request = parse(
        SessionKind::Authentication,
        authentication().as_object().unwrap(),
    )
    .unwrap();
    assert_eq!(
        request,
        OpeningRequest {
            claim: Claim {
                uuid: "00000000-0000-4000-8000-000000000000".parse().unwrap(),
                name: "DEMO".to_owned(),
            },
            level: MinimumLevel::Qualified,
            content: RequestedContent::Authentication {
                rp_challenge: "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".to_owned()
            },
            algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha3_512),
            interactions: LOGIN.to_owned(),
            initial_callback_url: None,
            nonce: None,
            properties: Properties {
                share_device_address: true,
                ignored: Vec::new(),
            },
            capabilities: Vec::new(),
        }
    );
}

#[test]
fn a_whole_signature_request_is_taken_as_sent() {
    let request = parse(SessionKind::Signature, signature().as_object().unwrap()).unwrap();
    assert_eq!(request.level, MinimumLevel::Qscd);
    assert_eq!(
        request.content,
        RequestedContent::Signature {
            digest: vec![0x61; 64]
        }
    );
    assert_eq!(
        request.nonce.as_deref(),
        Some("d8XkbEnA0WsE0PvBZZoxGnPI4ml9qk")
    );
    assert_eq!(request.properties, Properties::default());
}

#[test]
fn what_may_be_left_out_has_its_default_whether_absent_or_null() {
    for missing in [None, Some(Value::Null)] {
        let body = with(authentication(), "/certificateLevel", missing.clone());
        let body = with(Value::Object(body), "/requestProperties", missing.clone());
        let body = with(Value::Object(body), "/capabilities", missing);
        let request = parse(SessionKind::Authentication, &body).unwrap();
        assert_eq!(request.level, MinimumLevel::Qualified);
        assert_eq!(request.properties, Properties::default());
        assert!(request.capabilities.is_empty());
    }
}

#[test]
fn each_broken_rule_of_authentication_is_named_by_its_pointer() {
    let long_challenge = STANDARD.encode([0; 65]);
    let short_challenge = STANDARD.encode([0; 31]);
    let cases = [
        ("/relyingPartyUUID", None),
        ("/relyingPartyUUID", Some(json!(7))),
        ("/relyingPartyUUID", Some(json!("not-a-uuid"))),
        (
            "/relyingPartyUUID",
            Some(json!("{00000000-0000-4000-8000-000000000000}")),
        ),
        ("/relyingPartyName", None),
        ("/relyingPartyName", Some(Value::Null)),
        ("/relyingPartyName", Some(json!(""))),
        ("/relyingPartyName", Some(json!(["DEMO"]))),
        ("/certificateLevel", Some(json!("QSCD"))),
        ("/certificateLevel", Some(json!("qualified"))),
        ("/certificateLevel", Some(json!(true))),
        ("/signatureProtocol", None),
        ("/signatureProtocol", Some(json!("RAW_DIGEST_SIGNATURE"))),
        ("/signatureProtocol", Some(json!("ACSP_V1"))),
        ("/signatureProtocolParameters", None),
        ("/signatureProtocolParameters", Some(json!("none"))),
        ("/signatureProtocolParameters/rpChallenge", None),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!(short_challenge)),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!(long_challenge)),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW===")),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh|WE=")),
        ),
        (
            "/signatureProtocolParameters/rpChallenge",
            Some(json!("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWF_-A==")),
        ),
        ("/signatureProtocolParameters/signatureAlgorithm", None),
        (
            "/signatureProtocolParameters/signatureAlgorithm",
            Some(json!("rsassa-pkcs1")),
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithm",
            Some(json!("sha1WithRSAEncryption")),
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithmParameters",
            None,
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithmParameters/hashAlgorithm",
            None,
        ),
        (
            "/signatureProtocolParameters/signatureAlgorithmParameters/hashAlgorithm",
            Some(json!("SHA512")),
        ),
        ("/interactions", None),
        ("/interactions", Some(json!([]))),
        ("/interactions", Some(json!(""))),
        ("/interactions", Some(json!("%%%"))),
        ("/interactions", Some(json!(STANDARD.encode("[]")))),
        ("/requestProperties", Some(json!([]))),
        (
            "/requestProperties/shareMdClientIpAddress",
            Some(json!("true")),
        ),
        ("/vcType", None),
        ("/vcType", Some(json!("alphaNumeric4"))),
        ("/capabilities", Some(json!("ADVANCED"))),
        ("/capabilities", Some(json!([1]))),
    ];
    for (pointer, value) in cases {
        let body = with(authentication(), pointer, value.clone());
        let problem = parse(SessionKind::Authentication, &body).expect_err(pointer);
        assert_eq!(problem.status(), 400, "{pointer} = {value:?}");
        assert_eq!(pointers(&problem), [pointer], "{pointer} = {value:?}");
        let name = pointer.rsplit('/').next();
        assert_eq!(problem.errors()[0].param_name.as_deref(), name);
    }
}

#[test]
fn each_broken_rule_of_signature_is_named_by_its_pointer() {
    const DIGEST: &str = "/signatureProtocolParameters/digest";
    let cases = [
        (DIGEST, None),
        (DIGEST, Some(json!(STANDARD.encode([0; 32])))),
        (DIGEST, Some(json!(STANDARD.encode([0; 63])))),
        (DIGEST, Some(json!(STANDARD.encode([0; 65])))),
        (DIGEST, Some(json!(hex::encode([0; 64])))),
        ("/signatureProtocol", Some(json!("ACSP_V2"))),
        ("/certificateLevel", Some(json!("BASIC"))),
        ("/nonce", Some(json!(""))),
        ("/nonce", Some(json!("0123456789012345678901234567890"))),
        ("/nonce", Some(json!(5))),
    ];
    for (pointer, value) in cases {
        let body = with(signature(), pointer, value.clone());
        let problem = parse(SessionKind::Signature, &body).expect_err(pointer);
        assert_eq!(problem.status(), 400, "{pointer} = {value:?}");
        assert_eq!(pointers(&problem), [pointer], "{pointer} = {value:?}");
    }
}

#[test]
fn every_algorithm_is_taken_with_a_digest_of_its_own_length_only() {
    let pss = |hash: &str| {
        json!({"signatureAlgorithm": "rsassa-pss",
               "signatureAlgorithmParameters": {"hashAlgorithm": hash}})
    };
    let algorithms = [
        (pss("SHA-256"), 32),
        (pss("SHA-384"), 48),
        (pss("SHA-512"), 64),
        (pss("SHA3-256"), 32),
        (pss("SHA3-384"), 48),
        (pss("SHA3-512"), 64),
        (json!({"signatureAlgorithm": "sha256WithRSAEncryption"}), 32),
        (json!({"signatureAlgorithm": "sha384WithRSAEncryption"}), 48),
        (json!({"signatureAlgorithm": "sha512WithRSAEncryption"}), 64),
    ];
    for (parameters, length) in algorithms {
        for offered in [32, 48, 64] {
            let mut parameters = parameters.clone();
            parameters["digest"] = json!(STANDARD.encode(vec![1; offered]));
            let body = with(
                signature(),
                "/signatureProtocolParameters",
                Some(parameters.clone()),
            );
            let taken = parse(SessionKind::Signature, &body).is_ok();
            assert_eq!(taken, offered == length, "{parameters}");
        }
    }
}

#[test]
fn all_faults_are_listed_at_once() {
    let body = json!({
        "relyingPartyUUID": "x",
        "certificateLevel": "NONE",
        "signatureProtocolParameters": {"signatureAlgorithm": "rsassa-pss"},
    });
    let problem = parse(SessionKind::Authentication, body.as_object().unwrap()).unwrap_err();
    assert_eq!(
        pointers(&problem),
        [
            "/relyingPartyUUID",
            "/relyingPartyName",
            "/certificateLevel",
            "/signatureProtocol",
            "/signatureProtocolParameters/signatureAlgorithmParameters",
            "/signatureProtocolParameters/rpChallenge",
            "/interactions",
            "/vcType",
        ]
    );
}

#[test]
fn an_unknown_algorithm_is_answered_as_relying_parties_know_it() {
    let pointer = "/signatureProtocolParameters/signatureAlgorithm";
    let body = with(authentication(), pointer, Some(json!("md5")));
    let problem = parse(SessionKind::Authentication, &body).unwrap_err();
    assert_eq!(
        problem.errors()[0].detail,
        "Invalid signature algorithm parameter"
    );
}

#[test]
fn unknown_fields_are_ignored_and_unknown_properties_remembered() {
    let mut body = authentication();
    body["somethingNew"] = json!({"deep": [1, 2]});
    body["requestProperties"] =
        json!({"zeta": 1, "shareMdClientIpAddress": false, "alpha": {}, "gone": null});
    let request = parse(SessionKind::Authentication, body.as_object().unwrap()).unwrap();
    assert_eq!(request.properties.ignored, ["alpha", "zeta"]);
    assert!(!request.properties.share_device_address);
}

#[test]
fn a_certificate_request_needs_its_three_fields_only() {
    let body = json!({
        "relyingPartyUUID": "00000000-0000-4000-8000-000000000000",
        "relyingPartyName": "DEMO",
    });
    let request = CertificateRequest::parse(body.as_object().unwrap()).unwrap();
    assert_eq!(request.level, MinimumLevel::Qualified);
    let advanced = with(body.clone(), "/certificateLevel", Some(json!("ADVANCED")));
    let request = CertificateRequest::parse(&advanced).unwrap();
    assert_eq!(request.level, MinimumLevel::Advanced);
    let nameless = with(body, "/relyingPartyName", None);
    let problem = CertificateRequest::parse(&nameless).unwrap_err();
    assert_eq!(pointers(&problem), ["/relyingPartyName"]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,100}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..70)
            .prop_map(|octets| Value::from(STANDARD.encode(octets))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,10}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_in_a_field_is_taken_or_named(value in any_json(), field in 0..12_usize) {
        const FIELDS: [&str; 12] = [
            "/relyingPartyUUID",
            "/relyingPartyName",
            "/certificateLevel",
            "/signatureProtocol",
            "/signatureProtocolParameters",
            "/signatureProtocolParameters/digest",
            "/signatureProtocolParameters/signatureAlgorithm",
            "/signatureProtocolParameters/signatureAlgorithmParameters",
            "/interactions",
            "/nonce",
            "/requestProperties",
            "/capabilities",
        ];
        let pointer = FIELDS[field];
        let body = with(signature(), pointer, Some(value));
        if let Err(problem) = parse(SessionKind::Signature, &body) {
            prop_assert_eq!(problem.status(), 400);
            prop_assert!(!problem.errors().is_empty());
            for found in pointers(&problem) {
                prop_assert!(found.starts_with(pointer), "{} for {}", found, pointer);
            }
        }
    }
}

#[test]
fn a_device_link_takes_a_callback_and_asks_for_no_code() {
    let body = |callback: Option<Value>| {
        let mut body = with(authentication(), "/initialCallbackUrl", callback);
        body.remove("vcType");
        OpeningRequest::parse(SessionKind::Authentication, Flow::DeviceLink, &body)
    };
    let good = "https://rp.example.com/cb?value=a%7Cb";
    let request = body(Some(json!(good))).unwrap();
    assert_eq!(request.initial_callback_url.as_deref(), Some(good));
    assert_eq!(body(None).unwrap().initial_callback_url, None);
    for bad in [
        "",
        "https://",
        "http://rp.example.com",
        "HTTPS://rp.example.com",
        "https://rp.example.com/#a",
        "https://rp.example.com/|",
        "https://rp.example.com/ a",
        "https://rp.example.com/\u{202e}",
        &format!("https://{}", "a".repeat(1793)),
    ] {
        let problem = body(Some(json!(bad))).unwrap_err();
        assert_eq!(pointers(&problem), ["/initialCallbackUrl"], "{bad}");
    }
}
