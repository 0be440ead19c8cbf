//! Device links: who may take one up, and what the device then gets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use symbolon_protocol::device::link::{LinkOpened, OpenLink};
use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::device::transaction::{FlowType, ListPending};
use symbolon_protocol::device_link::{AuthCodeInput, session_secret_digest};
use symbolon_service::sessions::{Asked, CreatedLink, EndResult, NewDeviceLink, Target};
use uuid::Uuid;

use crate::house::{House, INTERACTIONS, inquiry, terms, with_service};
use crate::test_device::TestDevice;

const CALLBACK: &str = "https://rp.example.com/cb?value=1";
const CHALLENGE: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

async fn ask(house: &House, target: Option<Target>) -> CreatedLink {
    let asked = Asked::Authentication {
        rp_challenge: CHALLENGE.into(),
        terms: terms(),
    };
    let new = NewDeviceLink {
        inquiry: inquiry(asked),
        target,
        initial_callback_url: Some(CALLBACK.into()),
    };
    house
        .service
        .sessions
        .create_device_link(new)
        .await
        .unwrap()
}

/// A link as the relying party makes it; `parameters` begin it, and `callback` is sealed with it.
fn link(created: &CreatedLink, parameters: &str, callback: Option<&str>) -> OpenLink {
    let unprotected = format!(
        "https://id.example.org/device-link?{parameters}&sessionToken={}&sessionType=auth\
         &version=1.0&lang=eng",
        created.token
    );
    let input = AuthCodeInput {
        scheme_name: "smart-id-demo",
        signature_protocol: "ACSP_V2",
        challenge: CHALLENGE,
        relying_party_name: "DEMO",
        brokered_relying_party_name: None,
        interactions: INTERACTIONS,
        initial_callback_url: callback,
    };
    let code = input.auth_code(&unprotected, &created.secret);
    OpenLink {
        link: format!("{unprotected}&authCode={code}"),
    }
}

fn qr(created: &CreatedLink, elapsed: u32) -> OpenLink {
    let parameters = format!("deviceLinkType=QR&elapsedSeconds={elapsed}");
    link(created, &parameters, None)
}

fn web(created: &CreatedLink) -> OpenLink {
    link(created, "deviceLinkType=Web2App", Some(CALLBACK))
}

async fn open(house: &House, device: &TestDevice, link: &OpenLink) -> Result<LinkOpened, Problem> {
    house.call(device.fingerprint(), Uuid::nil(), link).await
}

async fn refusal(house: &House, device: &TestDevice, link: &OpenLink) -> ProblemCode {
    open(house, device, link).await.unwrap_err().code
}

#[test]
fn whoever_opens_an_anonymous_link_logs_in() {
    with_service(
        "links::whoever_opens_an_anonymous_link_logs_in",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let created = ask(&house, None).await;
            let pending = house
                .call(device.fingerprint(), Uuid::nil(), &ListPending {})
                .await
                .unwrap();
            assert_eq!(pending.transactions, [], "nobody is asked unless they open");

            let opened = open(&house, &device, &web(&created)).await.unwrap();
            assert_eq!(opened.transaction.id, created.session);
            assert_eq!(opened.transaction.flow_type, FlowType::Web2App);
            let digest = session_secret_digest(&created.secret);
            assert_eq!(opened.session_secret_digest, Some(digest));
            let again = open(&house, &device, &web(&created)).await.unwrap();
            assert_eq!(again.transaction.content, opened.transaction.content);
            assert_eq!(again.session_secret_digest, opened.session_secret_digest);
            let pending = house
                .call(device.fingerprint(), Uuid::nil(), &ListPending {})
                .await
                .unwrap();
            let pending: Vec<_> = pending.transactions.iter().map(|one| one.id).collect();
            assert_eq!(pending, [created.session], "a restarted device finds it");

            device.approve(&house, created.session).await.unwrap();
            let session = house.session(created.session).await;
            assert_eq!(session.end_result(), Some(EndResult::Ok));
            assert_eq!(session.request.flow_type, FlowType::Web2App);
            let callback = session.request.initial_callback_url;
            assert_eq!(callback.as_deref(), Some(CALLBACK));
        },
    );
}

#[test]
fn a_scanned_link_signs_no_callback() {
    with_service("links::a_scanned_link_signs_no_callback", async |house| {
        let mut device = TestDevice::enrolled(&house, 1).await;
        let created = ask(&house, None).await;
        let opened = open(&house, &device, &qr(&created, 0)).await.unwrap();
        assert_eq!(opened.transaction.flow_type, FlowType::QR);
        assert_eq!(opened.transaction.initial_callback_url, None);
        assert_eq!(opened.session_secret_digest, None);
        device.approve(&house, created.session).await.unwrap();
        assert_eq!(
            house.result(created.session).await.end_result,
            EndResult::Ok
        );
    });
}

#[test]
fn a_link_is_taken_up_once() {
    with_service("links::a_link_is_taken_up_once", async |house| {
        let mut first = TestDevice::enrolled(&house, 1).await;
        let second = TestDevice::enrolled(&house, 2).await;
        let created = ask(&house, None).await;
        open(&house, &first, &qr(&created, 0)).await.unwrap();
        let used = ProblemCode::AlreadyAnswered;
        assert_eq!(refusal(&house, &second, &qr(&created, 0)).await, used);
        assert_eq!(refusal(&house, &first, &web(&created)).await, used);
        let forged = OpenLink {
            link: format!("{}A", qr(&created, 0).link),
        };
        assert_eq!(refusal(&house, &first, &forged).await, used);
        // Neither of them took anything from whom it belongs to.
        first.approve(&house, created.session).await.unwrap();
    });
}

#[test]
fn an_account_of_too_low_a_level_is_refused_and_another_serves() {
    with_service(
        "links::an_account_of_too_low_a_level_is_refused_and_another_serves",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let created = ask(&house, None).await;
            house.tamper("UPDATE account SET level = 'ADVANCED'").await;
            let refused = refusal(&house, &device, &web(&created)).await;
            assert_eq!(refused, ProblemCode::NotFound);
            house.tamper("UPDATE account SET level = 'QUALIFIED'").await;
            open(&house, &device, &web(&created)).await.unwrap();
            device.approve(&house, created.session).await.unwrap();
        },
    );
}

#[test]
fn a_forged_link_ends_its_session() {
    with_service("links::a_forged_link_ends_its_session", async |house| {
        let device = TestDevice::enrolled(&house, 1).await;
        for forge in [
            |created: &CreatedLink| link(created, "deviceLinkType=Web2App", None),
            |created: &CreatedLink| link(created, "deviceLinkType=App2App", Some("https://evil")),
            |created: &CreatedLink| OpenLink {
                link: qr(created, 1).link.replace("Seconds=1", "Seconds=2"),
            },
            |created: &CreatedLink| OpenLink {
                link: web(created).link.replace("lang=eng", "lang=est"),
            },
        ] {
            let created = ask(&house, None).await;
            let forged = forge(&created);
            let code = refusal(&house, &device, &forged).await;
            assert_eq!(code, ProblemCode::Malformed, "{}", forged.link);
            let result = house.result(created.session).await;
            assert_eq!(result.end_result, EndResult::ProtocolFailure);
        }
    });
}

#[test]
fn an_old_picture_and_another_person_are_refused_and_end_nothing() {
    with_service(
        "links::an_old_picture_and_another_person_are_refused_and_end_nothing",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let created = ask(&house, None).await;
            house
                .tamper("UPDATE session SET created_at = created_at - 30000")
                .await;
            let stale = refusal(&house, &device, &qr(&created, 10)).await;
            assert_eq!(stale, ProblemCode::Expired);
            open(&house, &device, &qr(&created, 30)).await.unwrap();
            device.approve(&house, created.session).await.unwrap();

            let other = TestDevice::enrolled(&house, 2).await;
            let target = Target::Document(device.document_number.clone());
            let created = ask(&house, Some(target)).await;
            let unknown = refusal(&house, &other, &web(&created)).await;
            assert_eq!(unknown, ProblemCode::NotFound);
            open(&house, &device, &web(&created)).await.unwrap();

            let created = ask(&house, None).await;
            house
                .tamper("UPDATE session SET expires_at = 0 WHERE state = 'running'")
                .await;
            let over = refusal(&house, &device, &web(&created)).await;
            assert_eq!(over, ProblemCode::Expired);

            let nowhere = CreatedLink {
                token: "a".repeat(32),
                ..created
            };
            let code = refusal(&house, &device, &web(&nowhere)).await;
            assert_eq!(code, ProblemCode::NotFound);
            let nonsense = OpenLink {
                link: STANDARD.encode("nonsense"),
            };
            let code = refusal(&house, &device, &nonsense).await;
            assert_eq!(code, ProblemCode::Malformed);
        },
    );
}
