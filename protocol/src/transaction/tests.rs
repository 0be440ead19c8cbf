use super::*;
use crate::device::transaction::SigningTerms;
use crate::encoding::{HashAlgorithm, SignatureAlgorithm};
use crate::identifiers::KeyPurpose;
use crate::test_keys::device_share;

/// The user challenge and the payload of a real login in the Smart-ID demo environment.
const USER_CHALLENGE: &str = "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI";
const PAYLOAD: &[u8] = b"smart-id-demo|ACSP_V2|2BRq6GXciED/sysSj7n6rxzA|q1miCUX2v3RAQSycBUWdJrRtG6GR1z55c2oIAdjynk3IIquT4CfoSzcdzbLQDL9eTDojGpy+8QKS1jgWzTB58g==|TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI|REVNTw==||miue+Qk6dw2zpM6CL4Uz7XkKqWfTUGA3L/DDUXV96AE=|displayTextAndPIN||Notification";
const INTERACTIONS: &str =
    "W3siZGlzcGxheVRleHQ2MCI6IkhlbGxvIHdvcmxkIiwidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIn1d";
const SHOWN: InteractionType = InteractionType::DisplayTextAndPin;

fn login() -> Transaction {
    serde_json::from_value(serde_json::json!({
        "id": "fa20fd1e-e320-4c68-8315-f6a507a0b4a9",
        "documentNumber": "PNOEE-40504040001-DEM0-Q",
        "relyingPartyName": "DEMO",
        "brokeredRelyingPartyName": null,
        "content": {
            "kind": "authentication",
            "schemeName": "smart-id-demo",
            "serverRandom": "2BRq6GXciED/sysSj7n6rxzA",
            "rpChallenge": "q1miCUX2v3RAQSycBUWdJrRtG6GR1z55c2oIAdjynk3IIquT4CfoSzcdzbLQDL9eTDojGpy+8QKS1jgWzTB58g==",
            "terms": {
                "interactions": INTERACTIONS,
                "signatureAlgorithm": { "scheme": "rsassa-pss", "hash": "SHA-256" }
            }
        },
        "flowType": "Notification",
        "initialCallbackUrl": null,
        "createdAt": 1_700_000_000,
        "expiresInSeconds": 120
    }))
    .unwrap()
}

fn signature() -> Transaction {
    Transaction {
        content: Content::Signature {
            digest: HashAlgorithm::Sha512.digest(b"a document").into(),
            verification_code: Some("0420".to_owned()),
            linked_session: None,
            terms: terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512)),
        },
        ..login()
    }
}

fn certificate_choice() -> Transaction {
    Transaction {
        content: Content::CertificateChoice {},
        ..login()
    }
}

fn terms(signature_algorithm: SignatureAlgorithm) -> SigningTerms {
    SigningTerms {
        interactions: INTERACTIONS.to_owned(),
        signature_algorithm,
    }
}

/// The same transaction under other terms.
fn under(mut transaction: Transaction, other: SigningTerms) -> Transaction {
    match &mut transaction.content {
        Content::Authentication { terms, .. }
        | Content::Signature { terms, .. }
        | Content::BareDigest { terms, .. } => *terms = other,
        Content::CertificateChoice {} => {}
    }
    transaction
}

fn rebuild(
    transaction: &Transaction,
    user_challenge: Option<&str>,
    salt: &[u8],
) -> Result<EncodedMessage, RebuildError> {
    rebuild_message(
        transaction,
        SHOWN,
        user_challenge,
        salt,
        &device_share().modulus,
    )
}

#[test]
fn a_login_becomes_the_payload_that_the_relying_party_verifies() {
    let salt = [7; 32];
    let expected = EncodedMessage::encode(
        SignatureAlgorithm::Pss(HashAlgorithm::Sha256),
        &HashAlgorithm::Sha256.digest(PAYLOAD),
        &salt,
        &device_share().modulus,
    )
    .unwrap();
    assert_eq!(rebuild(&login(), Some(USER_CHALLENGE), &salt), Ok(expected));
}

#[test]
fn the_named_hash_is_the_one_of_the_payload() {
    for hash in HashAlgorithm::ALL {
        let transaction = under(login(), terms(SignatureAlgorithm::Pss(hash)));
        let salt = vec![1; hash.length()];
        let expected = EncodedMessage::encode(
            SignatureAlgorithm::Pss(hash),
            &hash.digest(PAYLOAD),
            &salt,
            &device_share().modulus,
        )
        .unwrap();
        assert_eq!(
            rebuild(&transaction, Some(USER_CHALLENGE), &salt),
            Ok(expected)
        );
    }
}

#[test]
fn a_digest_is_signed_as_it_is() {
    let expected = EncodedMessage::encode(
        SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512),
        &HashAlgorithm::Sha512.digest(b"a document"),
        &[],
        &device_share().modulus,
    )
    .unwrap();
    assert_eq!(rebuild(&signature(), None, &[]), Ok(expected));
}

/// Whatever the person is shown or the relying party sent, another value makes another message.
#[test]
fn every_part_of_a_login_is_bound() {
    let original = login();
    let encoded = rebuild(&original, Some(USER_CHALLENGE), &[0; 32]).unwrap();
    let content =
        |scheme_name: &str, server_random: &str, rp_challenge: &str| Content::Authentication {
            scheme_name: scheme_name.to_owned(),
            server_random: server_random.to_owned(),
            rp_challenge: rp_challenge.to_owned(),
            terms: terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha256)),
        };
    let changed: [fn(&mut Transaction); 3] = [
        |transaction| transaction.relying_party_name = "demo".to_owned(),
        |transaction| transaction.brokered_relying_party_name = Some("Bank".to_owned()),
        |transaction| transaction.flow_type = FlowType::QR,
    ];
    let mut variants: Vec<Transaction> = changed
        .iter()
        .map(|change| {
            let mut transaction = original.clone();
            change(&mut transaction);
            transaction
        })
        .collect();
    for content in [
        content("smart-id", "AAAA", "AAAA"),
        content("smart-id-demo", "AAAA", "AAAA"),
        content("smart-id-demo", "AAAA", "AAAB"),
    ] {
        variants.push(Transaction {
            content,
            ..original.clone()
        });
    }
    // The same interaction in other octets is another message as well.
    let respelt = SigningTerms {
        interactions: STANDARD
            .encode(r#"[{"displayText60":"Hello world", "type":"displayTextAndPIN"}]"#),
        ..terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha256))
    };
    variants.push(under(original.clone(), respelt));
    let mut messages = vec![encoded];
    for variant in &variants {
        let message = rebuild(variant, Some(USER_CHALLENGE), &[0; 32]).unwrap();
        assert!(!messages.contains(&message), "{variant:?}");
        messages.push(message);
    }
    let other_challenge = "dhkvx6qEX93a3Iq8F1SIEK08CWlybXxmWUjl9nBKnvQ";
    let message = rebuild(&original, Some(other_challenge), &[0; 32]).unwrap();
    assert!(!messages.contains(&message));
    let message = rebuild(&original, Some(USER_CHALLENGE), &[1; 32]).unwrap();
    assert!(!messages.contains(&message));
}

#[test]
fn only_an_offered_interaction_can_have_been_seen() {
    let other = InteractionType::ConfirmationMessage;
    assert_eq!(
        rebuild_message(
            &login(),
            other,
            Some(USER_CHALLENGE),
            &[0; 32],
            &device_share().modulus
        ),
        Err(RebuildError::InteractionNotOffered(other))
    );
    let garbled = SigningTerms {
        interactions: "?".to_owned(),
        ..terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha256))
    };
    let unreadable = under(login(), garbled);
    assert_eq!(
        rebuild(&unreadable, Some(USER_CHALLENGE), &[0; 32]),
        Err(RebuildError::Interactions(InteractionsError::NotBase64))
    );
}

#[test]
fn a_user_challenge_goes_with_logins_alone() {
    for challenge in [None, Some(""), Some("short"), Some("a|b")] {
        assert_eq!(
            rebuild(&login(), challenge, &[0; 32]),
            Err(RebuildError::UserChallenge)
        );
    }
    assert_eq!(
        rebuild(&signature(), Some(USER_CHALLENGE), &[]),
        Err(RebuildError::UserChallenge)
    );
}

#[test]
fn salt_and_digest_must_fit_the_algorithm() {
    assert!(matches!(
        rebuild(&login(), Some(USER_CHALLENGE), &[0; 20]),
        Err(RebuildError::Encoding(EncodingError::SaltLength { .. }))
    ));
    let wrong_digest = under(
        signature(),
        terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256)),
    );
    assert!(matches!(
        rebuild(&wrong_digest, None, &[]),
        Err(RebuildError::Encoding(EncodingError::DigestLength { .. }))
    ));
}

#[test]
fn the_code_of_a_login_is_computed_and_that_of_a_signature_taken() {
    let code = |transaction: &Transaction| {
        verification_code(transaction).map(|code| code.map(|code| code.to_string()))
    };
    let mut documented = login();
    documented.content = Content::Authentication {
        scheme_name: "smart-id".to_owned(),
        server_random: String::new(),
        rp_challenge: "GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==".to_owned(),
        terms: terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha256)),
    };
    assert_eq!(code(&documented), Ok(Some("7180".to_owned())));
    assert_eq!(code(&signature()), Ok(Some("0420".to_owned())));

    documented.flow_type = FlowType::Web2App;
    assert_eq!(code(&documented), Ok(None));
    let mut linked = signature();
    linked.content = linked_content();
    assert_eq!(code(&linked), Ok(None));
    assert_eq!(code(&certificate_choice()), Ok(None));
}

fn linked_content() -> Content {
    Content::Signature {
        digest: vec![0; 64].into(),
        verification_code: None,
        linked_session: Some(uuid::Uuid::nil()),
        terms: terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512)),
    }
}

/// No key is used for a certificate choice, whatever else is made up around it.
#[test]
fn a_certificate_choice_has_no_message_and_no_key() {
    let choice = certificate_choice();
    assert_eq!(choice.purpose(), None);
    assert_eq!(choice.content.terms(), None);
    for challenge in [None, Some(USER_CHALLENGE)] {
        for salt in [&[][..], &[0; 32]] {
            assert_eq!(
                rebuild(&choice, challenge, salt),
                Err(RebuildError::NothingToSign)
            );
        }
    }
}

#[test]
fn a_linked_signature_is_a_flow_of_its_own() {
    let choice =
        r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#;
    let with_choice = SigningTerms {
        interactions: STANDARD.encode(choice),
        ..terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512))
    };
    let kind = InteractionType::ConfirmationMessageAndVerificationCodeChoice;
    let rebuilt = |transaction: Transaction| {
        let modulus = &device_share().modulus;
        rebuild_message(&transaction, kind, None, &[], modulus)
    };
    assert!(rebuilt(under(signature(), with_choice.clone())).is_ok());
    let linked = Transaction {
        content: linked_content(),
        ..login()
    };
    assert_eq!(
        rebuilt(under(linked, with_choice)),
        Err(RebuildError::Interactions(InteractionsError::NotAllowed(
            kind
        )))
    );
}

#[test]
fn codes_that_are_none_are_refused() {
    let mut spoofed = signature();
    spoofed.content = Content::Signature {
        digest: vec![0; 64].into(),
        verification_code: Some("4\u{202e}21".to_owned()),
        linked_session: None,
        terms: terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512)),
    };
    assert_eq!(
        verification_code(&spoofed),
        Err(RebuildError::VerificationCode)
    );
    let mut garbled = login();
    garbled.content = Content::Authentication {
        scheme_name: "smart-id".to_owned(),
        server_random: "AAAA".to_owned(),
        rp_challenge: "not Base64".to_owned(),
        terms: terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha256)),
    };
    assert_eq!(verification_code(&garbled), Err(RebuildError::Challenge));
}

fn bare(purpose: KeyPurpose, digest: &[u8]) -> Transaction {
    Transaction {
        content: Content::BareDigest {
            purpose,
            digest: digest.into(),
            terms: terms(SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512)),
        },
        ..login()
    }
}

#[test]
fn a_bare_digest_is_signed_by_either_key_and_its_code_computed() {
    // The documentation of version 2 prints this digest and its code.
    let digest = STANDARD
        .decode("GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==")
        .unwrap();
    for purpose in KeyPurpose::ALL {
        let transaction = bare(purpose, &digest);
        assert_eq!(transaction.purpose(), Some(purpose));
        let expected = EncodedMessage::encode(
            SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512),
            &digest,
            &[],
            &device_share().modulus,
        )
        .unwrap();
        assert_eq!(rebuild(&transaction, None, &[]), Ok(expected));
        let code = verification_code(&transaction).unwrap();
        assert_eq!(code.unwrap().as_str(), "7180");
    }
}

/// Or somebody could have a login of version 3 signed as a digest, with another name shown.
#[test]
fn a_bare_digest_is_never_encoded_as_a_login_is() {
    let pss = under(
        bare(KeyPurpose::Authentication, &[7; 64]),
        terms(SignatureAlgorithm::Pss(HashAlgorithm::Sha512)),
    );
    assert_eq!(rebuild(&pss, None, &[0; 64]), Err(RebuildError::BareDigest));
    let by_link = Transaction {
        flow_type: FlowType::QR,
        ..bare(KeyPurpose::Authentication, &[7; 64])
    };
    assert_eq!(rebuild(&by_link, None, &[]), Err(RebuildError::BareDigest));
    let with_challenge = bare(KeyPurpose::Authentication, &[7; 64]);
    assert_eq!(
        rebuild(&with_challenge, Some(USER_CHALLENGE), &[]),
        Err(RebuildError::UserChallenge)
    );
    assert!(matches!(
        rebuild(&bare(KeyPurpose::Signing, &[7; 32]), None, &[]),
        Err(RebuildError::Encoding(EncodingError::DigestLength { .. }))
    ));
}
