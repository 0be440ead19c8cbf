//! Certificate choices and the signatures that they announce.

use symbolon_protocol::device::transaction::{Content, FlowType};
use symbolon_protocol::identifiers::CertificateLevel;

use super::*;
use crate::sessions::{ChosenCertificate, EndResult, announce_linked};

const BY_LINK: &str = "/v3/signature/certificate-choice/device-link/anonymous";

fn pushed() -> String {
    format!("/v3/signature/certificate-choice/notification/etsi/{PERSON}")
}

fn linked_path() -> String {
    format!("/v3/signature/notification/linked/{DOCUMENT}")
}

fn choice() -> Value {
    json!({"relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO"})
}

fn linked(session: &str) -> Value {
    with(signing(), "linkedSessionID", session)
}

fn agreed() -> SessionResult {
    SessionResult {
        document_number: Some(DOCUMENT.parse().unwrap()),
        chosen: Some(ChosenCertificate {
            certificate: b"DER".to_vec().into(),
            level: CertificateLevel::Qualified,
            device_address: None,
        }),
        ..SessionResult::without_signature(EndResult::Ok)
    }
}

/// A choice by device link that the person agreed to.
async fn agreed_by_link(bench: &Bench) -> Uuid {
    let id = bench.open(BY_LINK, &choice()).await;
    let mut session = bench.session(id).await;
    session.request.flow_type = FlowType::QR;
    bench.finish(id, agreed()).await;
    bench
        .store
        .write(move |connection| {
            Box::pin(async move {
                let document = DOCUMENT.parse().unwrap();
                announce_linked(connection, &session, &document, Timestamp::now()).await
            })
        })
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn a_choice_is_opened_without_anything_to_sign() {
    let bench = Bench::with_person().await;
    let answer = bench.post(&pushed(), &choice()).await;
    let id: Uuid = answer.body["sessionID"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer.body, json!({"sessionID": id}), "and nothing else");
    let session = bench.session(id).await;
    assert_eq!(session.request.content, Content::CertificateChoice {});
    assert_eq!(session.offered, [DOCUMENT.parse().unwrap()]);

    let body = with(choice(), "initialCallbackUrl", "https://rp.example.com/cb");
    let answer = bench.post(BY_LINK, &body).await;
    for field in ["sessionToken", "sessionSecret", "deviceLinkBase"] {
        assert!(answer.body[field].is_string(), "{answer:?}");
    }
    let id: Uuid = answer.body["sessionID"].as_str().unwrap().parse().unwrap();
    let session = bench.session(id).await;
    assert!(session.offered.is_empty());
    assert!(session.request.initial_callback_url.is_some());
    assert_eq!(session.request.content, Content::CertificateChoice {});
}

#[tokio::test]
async fn the_fields_of_a_choice_have_their_rules() {
    let bench = Bench::with_person().await;
    for (name, value, by_link, pushed_too) in [
        ("certificateLevel", json!("QSCD"), 200, 200),
        ("certificateLevel", json!("HIGHEST"), 400, 400),
        ("certificateLevel", json!("ADVANCED"), 403, 403),
        ("nonce", json!(""), 400, 400),
        ("nonce", json!("x".repeat(30)), 200, 200),
        ("nonce", json!("x".repeat(31)), 400, 400),
        ("capabilities", json!(["a"]), 403, 403),
        ("requestProperties", json!({"other": 1}), 200, 200),
        (
            "requestProperties",
            json!({"shareMdClientIpAddress": true}),
            403,
            403,
        ),
        ("initialCallbackUrl", json!("http://a"), 400, 200),
        ("relyingPartyName", json!(null), 400, 400),
    ] {
        let body = with(choice(), name, value.clone());
        assert_eq!(
            bench.post(BY_LINK, &body).await.status,
            by_link,
            "{name} {value}"
        );
        assert_eq!(
            bench.post(&pushed(), &body).await.status,
            pushed_too,
            "{name} {value}"
        );
    }
    let nobody = "/v3/signature/certificate-choice/notification/etsi/PNOEE-10101010005";
    assert_eq!(bench.post(nobody, &choice()).await.status, 404);
}

#[tokio::test]
async fn the_same_choice_within_seconds_is_the_same_session_unless_a_nonce_parts_them() {
    let bench = Bench::with_person().await;
    let first = bench.open(&pushed(), &choice()).await;
    assert_eq!(bench.open(&pushed(), &choice()).await, first);
    let other = bench.open(&pushed(), &with(choice(), "nonce", "1")).await;
    assert_ne!(other, first);
}

#[tokio::test]
async fn the_status_of_a_choice_has_the_certificate_and_no_signature() {
    let bench = Bench::with_person().await;
    let id = bench.open(&pushed(), &choice()).await;
    bench.finish(id, agreed()).await;
    let answer = bench.get(&format!("/v3/session/{id}")).await;
    assert_eq!(
        answer.body,
        json!({
            "state": "COMPLETE",
            "result": {"endResult": "OK", "documentNumber": DOCUMENT},
            "signature": {"flowType": "Notification"},
            "cert": {"value": "REVS", "certificateLevel": "QUALIFIED"}
        })
    );
    let id = bench.open(&pushed(), &with(choice(), "nonce", "1")).await;
    let refused = SessionResult::without_signature(EndResult::UserRefusedCertChoice);
    bench.finish(id, refused).await;
    let answer = bench.get(&format!("/v3/session/{id}")).await;
    assert_eq!(
        answer.body,
        json!({"state": "COMPLETE", "result": {"endResult": "USER_REFUSED_CERT_CHOICE"}})
    );
}

#[tokio::test]
async fn a_linked_signature_needs_the_choice_that_announced_it() {
    let bench = Bench::with_person().await;
    bench.add_account(PERSON, "PNOEE-40504040001-DEMB-Q").await;
    let party = "20000000-0000-4000-8000-000000000000";
    let another = RelyingParty {
        uuid: party.parse().unwrap(),
        ..demo_party()
    };
    registry::add(&bench.store, &another).await.unwrap();
    let not_agreed = bench.open(BY_LINK, &choice()).await.to_string();
    let was_pushed = bench.open(&pushed(), &choice()).await;
    bench.finish(was_pushed, agreed()).await;
    let choice = agreed_by_link(&bench).await.to_string();

    let other_account = "/v3/signature/notification/linked/PNOEE-40504040001-DEMB-Q";
    let by_another = with(linked(&choice), "relyingPartyUUID", party);
    for (path, body) in [
        (linked_path(), linked("10000000-0000-000-000-000000000000")),
        (linked_path(), linked(&Uuid::nil().to_string())),
        (linked_path(), linked(&not_agreed)),
        (linked_path(), linked(&was_pushed.to_string())),
        (linked_path(), signing()),
        (linked_path(), by_another),
        (other_account.to_owned(), linked(&choice)),
    ] {
        let answer = bench.post(&path, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.body["errors"][0]["pointer"], "/linkedSessionID");
    }

    let answer = bench.post(&linked_path(), &linked(&choice)).await;
    let id: Uuid = answer.body["sessionID"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        answer.body,
        json!({"sessionID": id}),
        "no verification code"
    );
    let session = bench.session(id).await;
    assert_eq!(session.offered, [DOCUMENT.parse().unwrap()]);
    let Content::Signature {
        verification_code,
        linked_session,
        ..
    } = &session.request.content
    else {
        panic!("{:?}", session.request.content);
    };
    assert_eq!(*verification_code, None);
    assert_eq!(linked_session.unwrap().to_string(), choice);
    // Repeated at once it is the same, and otherwise it was used.
    assert_eq!(bench.open(&linked_path(), &linked(&choice)).await, id);
    let again = with(linked(&choice), "nonce", "1");
    assert_eq!(bench.post(&linked_path(), &again).await.status, 400);
}

#[tokio::test]
async fn a_linked_signature_must_come_in_time() {
    let bench = Bench::with_person().await;
    let choice = agreed_by_link(&bench).await;
    bench
        .execute("UPDATE certificate_choice SET until = until - 60000")
        .await;
    let late = bench
        .post(&linked_path(), &linked(&choice.to_string()))
        .await;
    assert_eq!(late.status, 400);
}

#[tokio::test]
async fn whoever_announced_a_linked_signature_gets_nothing_else_pushed_until_it_came() {
    let bench = Bench::with_person().await;
    let choice = agreed_by_link(&bench).await.to_string();
    for (path, body) in [(login_path(), login()), (signing_path(), signing())] {
        let id = bench.open(&path, &body).await;
        let end = bench.session(id).await.end_result();
        assert_eq!(end, Some(EndResult::ExpectedLinkedSession), "{path}");
        assert!(bench.session(id).await.offered.is_empty());
    }
    let id = bench.open(&linked_path(), &linked(&choice)).await;
    assert!(bench.session(id).await.is_running());
    let id = bench.open(&login_path(), &login()).await;
    assert!(bench.session(id).await.is_running());
}
