//! Opening sessions, and fetching a certificate.

use symbolon_protocol::device::transaction::Content;
use symbolon_protocol::identifiers::{CertificateLevel, DocumentNumber};

use super::*;

#[tokio::test]
async fn a_login_is_offered_to_every_device_of_the_person() {
    let bench = Bench::with_person().await;
    bench.add_account(PERSON, "PNOEE-40504040001-DEMB-Q").await;
    bench
        .add_account("PNOEE-50001029996", "PNOEE-50001029996-DEMC-Q")
        .await;
    let answer = bench.post(&login_path(), &login()).await;
    assert_eq!(
        (answer.status, &*answer.media_type),
        (200, "application/json")
    );
    let id: Uuid = answer.body["sessionID"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer.body, json!({"sessionID": id}), "and nothing else");
    let offered = bench.session(id).await.offered;
    assert_eq!(numbers(&offered), [DOCUMENT, "PNOEE-40504040001-DEMB-Q"]);
}

#[tokio::test]
async fn a_login_by_document_number_is_offered_to_that_device_alone() {
    let bench = Bench::with_person().await;
    bench.add_account(PERSON, "PNOEE-40504040001-DEMB-Q").await;
    let path = format!("/v3/authentication/notification/document/{DOCUMENT}");
    let id = bench.open(&path, &login()).await;
    assert_eq!(numbers(&bench.session(id).await.offered), [DOCUMENT]);
}

#[tokio::test]
async fn what_enters_the_signed_payload_is_kept_byte_for_byte() {
    let bench = Bench::with_person().await;
    // Registered as "Demo 2"; any case is admitted, and the case that was sent is signed.
    let body = with(login(), "relyingPartyName", "dEmO 2");
    let session = bench.session(bench.open(&login_path(), &body).await).await;
    assert_eq!(session.request.relying_party_name, "dEmO 2");
    let terms = session.request.content.terms().unwrap();
    assert_eq!(terms.interactions, INTERACTIONS);
    let Content::Authentication {
        server_random,
        rp_challenge,
        ..
    } = &session.request.content
    else {
        panic!("{:?}", session.request.content);
    };
    assert_eq!(rp_challenge, CHALLENGE);
    assert!(STANDARD.decode(server_random).unwrap().len() > 18);
}

#[tokio::test]
async fn a_signature_answers_with_a_code_of_four_digits() {
    let bench = Bench::with_person().await;
    for path in [
        signing_path(),
        format!("/v3/signature/notification/etsi/{PERSON}"),
    ] {
        let answer = bench.post(&path, &signing()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let code = answer.body["vc"]["value"].as_str().unwrap();
        assert_eq!(
            answer.body,
            json!({
                "sessionID": answer.body["sessionID"],
                "vc": {"type": "numeric4", "value": code}
            })
        );
        assert!(code.len() == 4 && code.bytes().all(|octet| octet.is_ascii_digit()));
    }
}

#[tokio::test]
async fn a_signature_asked_again_within_15_seconds_is_the_same_session() {
    let bench = Bench::with_person().await;
    let path = signing_path();
    let first = bench.post(&path, &signing()).await;
    assert_eq!(bench.post(&path, &signing()).await, first);

    let reordered = signing()
        .as_object()
        .unwrap()
        .iter()
        .rev()
        .map(|(name, value)| format!("{}: {value}", Value::from(name.as_str())))
        .collect::<Vec<_>>()
        .join(" ,\n");
    let reordered = posting(&path, format!("{{{reordered}}}"));
    assert_eq!(bench.send(reordered).await, first, "in another order");

    bench
        .execute("UPDATE session SET created_at = created_at - 15000")
        .await;
    let later = bench.post(&path, &signing()).await;
    assert_ne!(later.body["sessionID"], first.body["sessionID"]);
}

#[tokio::test]
async fn the_same_signature_asked_many_times_at_once_is_one_session() {
    let bench = Bench::with_person().await;
    let (path, body) = (signing_path(), signing());
    let answers = futures_util::future::join_all((0..20).map(|_| bench.post(&path, &body))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0].status, 200);
}

#[tokio::test]
async fn what_differs_in_anything_is_another_session() {
    let bench = Bench::with_person().await;
    let mut seen = std::collections::HashSet::new();
    let mut body = signing();
    seen.insert(bench.open(&signing_path(), &body).await);
    body["nonce"] = json!("1");
    seen.insert(bench.open(&signing_path(), &body).await);
    body["nonce"] = json!("2");
    seen.insert(bench.open(&signing_path(), &body).await);
    body["signatureProtocolParameters"]["digest"] = json!(STANDARD.encode([0x62; 64]));
    seen.insert(bench.open(&signing_path(), &body).await);
    let by_person = format!("/v3/signature/notification/etsi/{PERSON}");
    seen.insert(bench.open(&by_person, &body).await);
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn the_same_login_asked_twice_is_two_sessions() {
    let bench = Bench::with_person().await;
    let first = bench.open(&login_path(), &login()).await;
    assert_ne!(bench.open(&login_path(), &login()).await, first);
}

#[tokio::test]
async fn an_account_of_a_higher_level_serves_and_one_of_a_lower_does_not() {
    let bench = Bench::with_person().await;
    let generous = RelyingParty {
        uuid: Uuid::from_u128(7),
        allow_advanced: true,
        ..demo_party()
    };
    registry::add(&bench.store, &generous).await.unwrap();
    bench
        .add_account("PNOLT-40504049999", "PNOLT-40504049999-MACK-NQ")
        .await;
    let of_level = |level: &str| {
        let body = with(login(), "certificateLevel", level);
        with(body, "relyingPartyUUID", generous.uuid.to_string())
    };
    let basic = "/v3/authentication/notification/etsi/PNOLT-40504049999";
    for (path, level, status) in [
        (login_path().as_str(), "ADVANCED", 200),
        (login_path().as_str(), "QUALIFIED", 200),
        (basic, "ADVANCED", 200),
        (basic, "QUALIFIED", 404),
    ] {
        let answer = bench.post(path, &of_level(level)).await;
        assert_eq!(answer.status, status, "{path} {level}");
    }
}

#[tokio::test]
async fn a_locked_account_gives_a_session_that_is_over() {
    let bench = Bench::with_person().await;
    lock(&bench).await;
    let id = bench.open(&login_path(), &login()).await;
    let answer = bench.get(&format!("/v3/session/{id}")).await;
    let expected = json!({"state": "COMPLETE", "result": {"endResult": "DOCUMENT_UNUSABLE"}});
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[tokio::test]
async fn a_lock_whose_time_is_over_stands_in_nobodys_way() {
    let bench = Bench::with_person().await;
    lock(&bench).await;
    bench.execute("UPDATE pin_lock SET until = 1").await;
    let id = bench.open(&login_path(), &login()).await;
    assert_eq!(numbers(&bench.session(id).await.offered), [DOCUMENT]);
}

#[tokio::test]
async fn a_closed_account_is_as_good_as_none() {
    let bench = Bench::with_person().await;
    bench.execute("UPDATE account SET state = 'closed'").await;
    for path in [
        login_path(),
        format!("/v3/authentication/notification/document/{DOCUMENT}"),
    ] {
        assert_eq!(bench.post(&path, &login()).await.status, 404, "{path}");
    }
    let body = json!({"relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO"});
    let path = format!("/v3/signature/certificate/{DOCUMENT}");
    assert_eq!(bench.post(&path, &body).await.status, 404);
}

#[tokio::test]
async fn slashes_too_many_do_not_matter() {
    let bench = Bench::with_person().await;
    for path in [
        format!("/v3//authentication/notification/etsi/{PERSON}"),
        format!("//v3/authentication/notification/etsi/{PERSON}/"),
    ] {
        let id = bench.open(&path, &login()).await;
        bench.finish(id, timeout()).await;
        let answer = bench
            .get(&format!("/v3//session/{id}/?timeoutMs=1000"))
            .await;
        assert_eq!(answer.body["state"], "COMPLETE");
    }
}

#[tokio::test]
async fn the_prefix_is_a_matter_of_configuration() {
    for (configured, path) in [
        ("/smart-id-rp/v3/", "/smart-id-rp/v3"),
        ("rp", "/rp"),
        ("/", ""),
    ] {
        let bench = Bench::start_under(configured).await;
        bench.add_account(PERSON, DOCUMENT).await;
        let path = format!("{path}/authentication/notification/etsi/{PERSON}");
        bench.open(&path, &login()).await;
        assert_eq!(bench.post(&login_path(), &login()).await.status, 404);
    }
}

#[tokio::test]
async fn the_signing_certificate_is_given_without_asking_the_person() {
    let bench = Bench::with_person().await;
    let body = json!({"relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO"});
    let path = format!("/v3/signature/certificate/{DOCUMENT}");
    let answer = bench.post(&path, &body).await;
    let expected = json!({
        "state": "OK",
        "cert": {
            "value": STANDARD.encode(format!("{DOCUMENT} signing")),
            "certificateLevel": CertificateLevel::Qualified.as_str(),
        }
    });
    assert_eq!((answer.status, answer.body), (200, expected));

    lock(&bench).await;
    let answer = bench.post(&path, &body).await;
    let expected = json!({"state": "DOCUMENT_UNUSABLE"});
    assert_eq!((answer.status, answer.body), (200, expected));

    let unknown = "/v3/signature/certificate/PNOEE-40504040001-NANE-Q";
    assert_eq!(bench.post(unknown, &body).await.status, 404);
}

async fn lock(bench: &Bench) {
    bench
        .execute(
            "INSERT INTO pin_lock (document_number, purpose, reached_limit, since, until) \
             VALUES ('PNOEE-40504040001-DEMA-Q', 'authentication', 3, 0, 9000000000000000)",
        )
        .await;
}

fn timeout() -> SessionResult {
    SessionResult::without_signature(crate::sessions::EndResult::Timeout)
}

fn numbers(documents: &[DocumentNumber]) -> Vec<&str> {
    documents.iter().map(DocumentNumber::as_str).collect()
}

#[tokio::test]
async fn a_device_link_answers_with_what_links_are_made_of() {
    let bench = Bench::with_person().await;
    let mut signing = signing();
    signing["initialCallbackUrl"] = json!("https://rp.example.com/cb");
    let mut login = login();
    login.as_object_mut().unwrap().remove("vcType");
    for (path, body) in [
        ("authentication/device-link/anonymous".to_owned(), &login),
        (format!("authentication/device-link/etsi/{PERSON}"), &login),
        (
            format!("authentication/device-link/document/{DOCUMENT}"),
            &login,
        ),
        (format!("signature/device-link/etsi/{PERSON}"), &signing),
        (
            format!("signature/device-link/document/{DOCUMENT}"),
            &signing,
        ),
    ] {
        let answer = bench.post(&format!("/v3/{path}"), body).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        let text = |name: &str| answer.body[name].as_str().unwrap();
        let token = text("sessionToken");
        assert!(symbolon_protocol::device_link::is_session_token(token));
        assert_eq!(STANDARD.decode(text("sessionSecret")).unwrap().len(), 32);
        assert_eq!(text("deviceLinkBase"), "https://id.example.org/device-link");
        let session = bench.session(text("sessionID").parse().unwrap()).await;
        assert!(session.is_running() && session.offered.is_empty());
        let status = bench
            .get(&format!("/v3/session/{}?timeoutMs=1000", session.id))
            .await;
        assert_eq!(status.body, json!({"state": "RUNNING"}));
    }
}

#[tokio::test]
async fn a_device_link_for_nobody_is_not_made() {
    let bench = Bench::with_person().await;
    let nobody = "/v3/authentication/device-link/etsi/PNOEE-50001029996";
    assert_eq!(bench.post(nobody, &login()).await.status, 404);
    let advanced = with(login(), "certificateLevel", "ADVANCED");
    let anonymous = "/v3/authentication/device-link/anonymous";
    assert_eq!(bench.post(anonymous, &advanced).await.status, 403);
    let choice = STANDARD.encode(
        r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#,
    );
    let with_choice = with(login(), "interactions", choice);
    assert_eq!(bench.post(anonymous, &with_choice).await.status, 400);
    assert_eq!(
        bench
            .post("/v3/signature/device-link/anonymous", &signing())
            .await
            .status,
        404
    );
}
