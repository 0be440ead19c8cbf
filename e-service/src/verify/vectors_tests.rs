//! What SK's demo environment really answered is accepted, and nothing that differs from it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::macros::{date, datetime};

use super::vectors::{ACCOUNT, NOW, Vectors, pss, status};
use super::*;

#[test]
fn real_logins_are_accepted() {
    let vectors = Vectors::read();
    for (request, answer) in [vectors.pss_login(), vectors.pkcs1_login()] {
        let proven = vectors
            .verifier()
            .authentication(&request, &status(&answer), None, NOW)
            .unwrap();
        assert_eq!(proven.document_number, ACCOUNT);
        assert_eq!(proven.level, CertificateLevel::Qualified);
        let identity = proven.identity;
        assert_eq!(identity.semantics_identifier, "PNOEE-40504040001");
        assert_eq!(identity.code, "40504040001");
        assert_eq!(identity.country, "EE");
        assert_eq!(
            (identity.given_name.as_str(), identity.surname.as_str()),
            ("OK", "TEST")
        );
        assert_eq!(identity.birth_date, Some(date!(1905 - 04 - 04)));
    }
}

#[test]
fn real_signatures_are_accepted() {
    let vectors = Vectors::read();
    for (mut request, answer) in [vectors.pss_signature(), vectors.pkcs1_signature()] {
        // Its certificate says that the key is in a qualified device.
        request.level = CertificateLevel::Qscd;
        let proven = vectors
            .verifier()
            .signature(&request, &status(&answer), NOW)
            .unwrap();
        assert_eq!(proven.document_number, ACCOUNT);
    }
    let xades = &vectors.signature_xades;
    let digest = Hash::Sha512.digest(&xades.signed_info.octets());
    RsaPublicKey::from_der(&xades.public_key.octets())
        .unwrap()
        .verify(
            SignatureAlgorithm::Pss(Hash::Sha512),
            &digest,
            &xades.signature.octets(),
        )
        .unwrap();
}

#[test]
fn a_real_choice_and_a_real_certificate_are_accepted() {
    let vectors = Vectors::read();
    let (_, mut answer) = vectors.pss_signature();
    let by_document = CertificateByDocument::parse(
        json!({"state": "OK", "cert": answer["cert"]})
            .to_string()
            .as_bytes(),
    );
    let proven = vectors
        .verifier()
        .certificate_by_document(
            ACCOUNT,
            CertificateLevel::Qualified,
            &by_document.unwrap(),
            NOW,
        )
        .unwrap();
    assert_eq!(proven.certificate, vectors.certificates.signing.octets());
    let fields = answer.as_object_mut().unwrap();
    fields.remove("signatureProtocol");
    fields.remove("interactionTypeUsed");
    answer["signature"] = json!({"flowType": "Notification"});
    let request = CertificateChoiceRequest {
        whom: Asked::Person("PNOEE-40504040001".into()),
        level: CertificateLevel::Qualified,
        flows: vec![FlowType::Notification],
    };
    let choice = |request| {
        vectors
            .verifier()
            .certificate_choice(request, &status(&answer), NOW)
            .map(|proven| proven.document_number)
    };
    assert_eq!(choice(&request), Ok(ACCOUNT.to_owned()));
    let another = CertificateChoiceRequest {
        whom: Asked::Person("PNOEE-30303039914".into()),
        ..request.clone()
    };
    assert_eq!(choice(&another), Err(Rejected::AnotherPerson));
}

#[test]
fn an_account_that_cannot_be_used_has_no_certificate() {
    let vectors = Vectors::read();
    for (state, expected) in [
        ("DOCUMENT_UNUSABLE", Rejected::DocumentUnusable),
        ("FINE", Rejected::Malformed("state")),
        ("OK", Rejected::Missing("cert")),
    ] {
        let answer = CertificateByDocument::parse(json!({"state": state}).to_string().as_bytes());
        let found = vectors.verifier().certificate_by_document(
            ACCOUNT,
            CertificateLevel::Qualified,
            &answer.unwrap(),
            NOW,
        );
        assert_eq!(found, Err(expected), "{state}");
    }
}

/// A change of an answer: where, to what (null takes it away), and what is found.
type Changed = (&'static str, Value, Rejected);

fn changes() -> Vec<Changed> {
    use Rejected::{Malformed, Missing, NotAskedFor};
    vec![
        ("/state", json!("RUNNING"), Rejected::Running),
        ("/state", json!("DONE"), Malformed("state")),
        ("/result", Value::Null, Missing("result")),
        (
            "/result/endResult",
            Value::Null,
            Missing("result.endResult"),
        ),
        (
            "/result/endResult",
            json!("TIMEOUT"),
            Rejected::Ended(EndResult::Timeout),
        ),
        (
            "/result/documentNumber",
            json!(""),
            Missing("result.documentNumber"),
        ),
        (
            "/result/documentNumber",
            json!("PNOEE-40504040001-MOCK-Q"),
            Rejected::AnotherDocument,
        ),
        (
            "/signatureProtocol",
            Value::Null,
            Missing("signatureProtocol"),
        ),
        ("/signature", Value::Null, Missing("signature")),
        ("/signature/value", Value::Null, Missing("signature.value")),
        ("/signature/value", json!("AAAA"), Rejected::BadSignature),
        (
            "/signature/value",
            json!("no*base64"),
            Malformed("signature.value"),
        ),
        (
            "/signature/flowType",
            Value::Null,
            Missing("signature.flowType"),
        ),
        (
            "/signature/flowType",
            json!("notification"),
            Malformed("signature.flowType"),
        ),
        (
            "/signature/flowType",
            json!("QR"),
            NotAskedFor("signature.flowType"),
        ),
        (
            "/signature/signatureAlgorithm",
            Value::Null,
            Missing("signature.signatureAlgorithm"),
        ),
        (
            "/signature/signatureAlgorithm",
            json!("sha384WithRSAEncryption"),
            NotAskedFor("signature.signatureAlgorithm"),
        ),
        ("/cert", Value::Null, Missing("cert")),
        ("/cert/value", json!(""), Missing("cert.value")),
        (
            "/cert/value",
            json!("MIIB"),
            Rejected::UnreadableCertificate("its encoding"),
        ),
        (
            "/cert/certificateLevel",
            Value::Null,
            Missing("cert.certificateLevel"),
        ),
        (
            "/cert/certificateLevel",
            json!("QSCD"),
            Malformed("cert.certificateLevel"),
        ),
        (
            "/cert/certificateLevel",
            json!("ADVANCED"),
            Rejected::LevelTooLow,
        ),
        (
            "/interactionTypeUsed",
            Value::Null,
            Missing("interactionTypeUsed"),
        ),
        (
            "/interactionTypeUsed",
            json!("displayTextAndPin"),
            Malformed("interactionTypeUsed"),
        ),
        (
            "/interactionTypeUsed",
            json!("confirmationMessage"),
            NotAskedFor("interactionTypeUsed"),
        ),
    ]
}

fn changed(answer: &Value, pointer: &str, value: Value) -> Value {
    let mut answer = answer.clone();
    *answer
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer}")) = value;
    answer
}

#[test]
fn no_changed_login_is_accepted() {
    let vectors = Vectors::read();
    let login_alone = [
        (
            "/signatureProtocol",
            json!("RAW_DIGEST_SIGNATURE"),
            Rejected::NotAskedFor("signatureProtocol"),
        ),
        (
            "/signature/serverRandom",
            Value::Null,
            Rejected::Missing("signature.serverRandom"),
        ),
        (
            "/signature/serverRandom",
            json!("AAAA"),
            Rejected::Malformed("signature.serverRandom"),
        ),
        (
            "/signature/serverRandom",
            json!("3BRq6GXciED/sysSj7n6rxzA"),
            Rejected::BadSignature,
        ),
        (
            "/signature/userChallenge",
            Value::Null,
            Rejected::Missing("signature.userChallenge"),
        ),
        (
            "/signature/userChallenge",
            json!("abc"),
            Rejected::Malformed("signature.userChallenge"),
        ),
        (
            "/signature/userChallenge",
            json!("UTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI"),
            Rejected::BadSignature,
        ),
        // Of the same account and authority, for signatures.
        (
            "/cert/value",
            json!(STANDARD.encode(vectors.certificates.signing.octets())),
            Rejected::WrongPurpose("its policies"),
        ),
        // Of another account.
        (
            "/cert/value",
            json!(STANDARD.encode(vectors.certificates.authentication_by_link.octets())),
            Rejected::AnotherDocument,
        ),
        (
            "/cert/value",
            json!(STANDARD.encode(vectors.certificates.latvian_legacy.octets())),
            Rejected::UnknownIssuer,
        ),
    ];
    for (request, answer) in [vectors.pss_login(), vectors.pkcs1_login()] {
        for (pointer, value, expected) in changes().into_iter().chain(login_alone.clone()) {
            let changed = status(&changed(&answer, pointer, value.clone()));
            let found = vectors
                .verifier()
                .authentication(&request, &changed, None, NOW);
            assert_eq!(found, Err(expected), "{pointer}: {value}");
        }
    }
}

#[test]
fn no_changed_signature_is_accepted() {
    let vectors = Vectors::read();
    for (request, answer) in [vectors.pss_signature(), vectors.pkcs1_signature()] {
        for (pointer, value, expected) in changes() {
            let changed = status(&changed(&answer, pointer, value.clone()));
            let found = vectors.verifier().signature(&request, &changed, NOW);
            assert_eq!(found, Err(expected), "{pointer}: {value}");
        }
        let mut other_document = request.clone();
        other_document.digest = Hash::Sha512.digest(b"test 1235");
        let found = vectors
            .verifier()
            .signature(&other_document, &status(&answer), NOW);
        assert_eq!(found, Err(Rejected::BadSignature));
        let logins = STANDARD.encode(vectors.certificates.authentication.octets());
        let changed = status(&changed(&answer, "/cert/value", json!(logins)));
        let found = vectors.verifier().signature(&request, &changed, NOW);
        assert_eq!(found, Err(Rejected::WrongPurpose("its policies")));
    }
}

#[test]
fn no_login_answers_another_request() {
    let vectors = Vectors::read();
    let (request, answer) = vectors.pss_login();
    type Change = fn(&mut AuthenticationRequest);
    let changes: [(&str, Change, Rejected); 9] = [
        (
            "person",
            |it| it.whom = Asked::Person("PNOEE-30303039914".into()),
            Rejected::AnotherPerson,
        ),
        (
            "account",
            |it| it.whom = Asked::Document("PNOEE-40504040001-MOCK-Q".into()),
            Rejected::AnotherPerson,
        ),
        (
            "challenge",
            |it| it.rp_challenge.replace_range(..1, "r"),
            Rejected::BadSignature,
        ),
        (
            "name",
            |it| it.relying_party_name = "Demo".into(),
            Rejected::BadSignature,
        ),
        (
            "broker",
            |it| it.brokered_relying_party_name = Some("Example RP".into()),
            Rejected::BadSignature,
        ),
        (
            "text",
            |it| {
                let other = json!([{"type": "displayTextAndPIN", "displayText60": "Pay 1000?"}]);
                it.interactions = STANDARD.encode(other.to_string());
            },
            Rejected::BadSignature,
        ),
        (
            "hash",
            |it| it.algorithm = SignatureAlgorithm::Pss(Hash::Sha3_256),
            Rejected::NotAskedFor("signature.signatureAlgorithm"),
        ),
        (
            "device",
            |it| it.level = CertificateLevel::Qscd,
            Rejected::WrongPurpose("its qualified statements"),
        ),
        (
            "flow",
            |it| it.flows = vec![FlowType::Qr, FlowType::Web2App],
            Rejected::NotAskedFor("signature.flowType"),
        ),
    ];
    for (what, change, expected) in changes {
        let mut other = request.clone();
        change(&mut other);
        let found = vectors
            .verifier()
            .authentication(&other, &status(&answer), None, NOW);
        assert_eq!(found, Err(expected), "{what}");
    }
    let mut other_scheme = vectors.verifier();
    other_scheme.scheme_name = "smart-id".into();
    let found = other_scheme.authentication(&request, &status(&answer), None, NOW);
    assert_eq!(found, Err(Rejected::BadSignature));
    // A callback that the session has is no part of a login that was not led back.
    let mut with_callback = request;
    with_callback.initial_callback_url = Some("https://rp.example.com/callback".into());
    vectors
        .verifier()
        .authentication(&with_callback, &status(&answer), None, NOW)
        .unwrap();
}

#[test]
fn a_hash_that_the_signature_does_not_use_is_found_out() {
    // All that is stated fits together, and fits what was asked.
    let vectors = Vectors::read();
    let (mut request, mut answer) = vectors.pss_login();
    request.algorithm = SignatureAlgorithm::Pss(Hash::Sha3_256);
    let stated = &pss("SHA3-256", 32)["signatureAlgorithmParameters"];
    answer["signature"]["signatureAlgorithmParameters"] = stated.clone();
    let found = vectors
        .verifier()
        .authentication(&request, &status(&answer), None, NOW);
    assert_eq!(found, Err(Rejected::BadSignature));
}

#[test]
fn certificates_have_their_time() {
    let vectors = Vectors::read();
    let (request, answer) = vectors.pss_login();
    for (now, expected) in [
        (
            datetime!(2026-01-06 14:25:00 UTC),
            Some(Rejected::NotValidNow),
        ),
        (datetime!(2026-01-06 14:25:01 UTC), None),
        (datetime!(2029-01-05 14:25:00 UTC), None),
        (
            datetime!(2029-01-05 14:25:01 UTC),
            Some(Rejected::NotValidNow),
        ),
        (datetime!(1969-01-01 00:00 UTC), Some(Rejected::NotValidNow)),
    ] {
        let found = vectors
            .verifier()
            .authentication(&request, &status(&answer), None, now);
        assert_eq!(found.err(), expected, "{now}");
    }
}

#[test]
fn a_browser_brings_back_what_proves_the_way() {
    let vectors = Vectors::read();
    let login = &vectors.authentication_by_link;
    let secret = STANDARD.decode(&login.session_secret).unwrap();
    let callback = Callback {
        session_secret_digest: Some(login.session_secret_digest.clone()),
        user_challenge_verifier: Some(login.user_challenge_verifier.clone()),
    };
    callback.check_session(&secret).unwrap();
    callback.check_device(&login.user_challenge).unwrap();
    assert_eq!(
        callback.check_session(b"another"),
        Err(Rejected::AnotherSession)
    );
    let (request, answer) = vectors.link_login();
    let try_with = |callback: Option<&Callback>| {
        vectors
            .verifier()
            .authentication(&request, &status(&answer), callback, NOW)
            .unwrap_err()
    };
    let without = Rejected::CallbackWithout("userChallengeVerifier");
    assert_eq!(try_with(None), without);
    assert_eq!(try_with(Some(&Callback::default())), without);
    let other = Callback {
        user_challenge_verifier: Some("XtPfaGa8".into()),
        ..callback.clone()
    };
    assert_eq!(try_with(Some(&other)), Rejected::AnotherDevice);
    // The device is right; that the challenge is not known is found last.
    assert_eq!(try_with(Some(&callback)), Rejected::BadSignature);
    assert_eq!(
        Callback::default().check_session(&secret),
        Err(Rejected::CallbackWithout("sessionSecretDigest"))
    );
}

#[test]
fn old_certificates_and_certificates_of_others_are_read() {
    let vectors = Vectors::read();
    let known = &vectors.certificates;
    let legacy = known.legacy_authentication.certificate();
    vectors.verifier().trust.chain(&legacy, NOW).unwrap();
    let latvian = known.latvian_legacy.certificate();
    let identity = Identity::of(&latvian).unwrap();
    assert_eq!(identity.semantics_identifier, "PNOLV-020100-29990");
    assert_eq!(identity.code, "020100-29990");
    assert_eq!(identity.birth_date, Some(date!(2000 - 01 - 02)));
    let level = CertificateLevel::Qualified;
    let smart_id = Profile::smart_id();
    let check =
        |certificate: &Certificate, purpose| smart_id.check_purpose(certificate, purpose, level);
    check(&legacy, Purpose::Authentication).unwrap();
    let policies = Err(Rejected::WrongPurpose("its policies"));
    assert_eq!(check(&legacy, Purpose::Signing), policies);
}

#[test]
fn the_code_is_what_the_documentation_computes() {
    // The documentation's own example, and 64 counted octets.
    let (mut request, _) = Vectors::read().pss_login();
    for (challenge, expected) in [
        (
            "GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==".to_owned(),
            Some("7180"),
        ),
        (STANDARD.encode((0..64).collect::<Vec<u8>>()), Some("4360")),
        ("*".into(), None),
    ] {
        request.rp_challenge = challenge;
        assert_eq!(request.verification_code().as_deref(), expected);
    }
}
