//! What strangers and broken clients get: a clear problem, and nothing changes.

use axum::body::Body;
use http::{Request, StatusCode};
use symbolon_protocol::device::MAX_BODY;
use symbolon_protocol::device::account::FetchAccount;
use symbolon_protocol::device::problem::{Problem, ProblemCode};
use symbolon_protocol::device::transaction::{Confirm, FetchTransaction, ListPending};
use symbolon_service::accounts::DeviceFingerprint;
use symbolon_service::sessions::CreateError;
use uuid::Uuid;

use crate::house::{anybody, collect, with_service};
use crate::test_device::TestDevice;

#[test]
fn unknown_devices_paths_and_transactions_are_refused() {
    with_service(
        "boundaries::unknown_devices_paths_and_transactions_are_refused",
        async |house| {
            let stranger = DeviceFingerprint([99; 32]);
            let refused = house.call(stranger, Uuid::nil(), &ListPending {}).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::UnknownDevice);
            let refused = house.call(stranger, Uuid::nil(), &FetchAccount {}).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::UnknownDevice);
            for path in ["/device/v1/account", "/device/v1/events"] {
                let request = Request::get(path).body(Body::empty()).unwrap();
                let response = house.send(None, request).await;
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            }
            let request = Request::get("/device/v1/nothing")
                .body(Body::empty())
                .unwrap();
            let response = house.send(Some(stranger), request).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            assert_eq!(
                response.headers()["content-type"],
                "application/problem+json"
            );

            // A transaction of somebody else looks like none.
            let first = TestDevice::enrolled(&house, 1).await;
            let session = house
                .ask_login(crate::house::document(&first.document_number))
                .await;
            let second = TestDevice::enrolled(&house, 2).await;
            let refused = house.call(second.fingerprint(), session, &FetchTransaction {});
            assert_eq!(refused.await.unwrap_err().code, ProblemCode::NotFound);
            let transaction = first.fetch(&house, session).await.unwrap();
            let confirm = first.half(&house, &transaction, 7).await;
            let refused = house.call(second.fingerprint(), session, &confirm).await;
            assert_eq!(refused.unwrap_err().code, ProblemCode::NotFound);
        },
    );
}

#[test]
fn oversized_truncated_and_foreign_bodies_are_malformed() {
    with_service(
        "boundaries::oversized_truncated_and_foreign_bodies_are_malformed",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let confirm = device.half(&house, &transaction, 7).await;
            let whole = serde_json::to_vec(&confirm).unwrap();
            let by = device.fingerprint();

            let bodies = [
                whole[..whole.len() - 1].to_vec(),
                Vec::new(),
                b"[]".to_vec(),
                b"{\"share\":7}".to_vec(),
                vec![0xff; 100],
                vec![b'['; 100_000],
            ];
            for body in bodies {
                let refused = house
                    .call_with::<Confirm>(by, session, body)
                    .await
                    .unwrap_err();
                assert_eq!(
                    (refused.status, refused.code),
                    (400, ProblemCode::Malformed)
                );
                // The body may hold a token: nothing of it comes back.
                assert!(!refused.detail.contains(&device.token));
            }
            let body = vec![b' '; MAX_BODY + 1];
            let refused = house
                .call_with::<Confirm>(by, session, body)
                .await
                .unwrap_err();
            assert_eq!(
                (refused.status, refused.code),
                (413, ProblemCode::Malformed)
            );
            let request = Request::post("/device/v1/transactions/not-a-uuid/confirm")
                .body(Body::from(whole))
                .unwrap();
            let response = house.send(Some(by), request).await;
            let problem: Problem = serde_json::from_slice(&collect(response).await).unwrap();
            assert_eq!(problem.code, ProblemCode::NotFound);
            device.approve(&house, session).await.unwrap();
        },
    );
}

#[test]
fn a_store_that_cannot_write_is_a_503_that_keeps_the_old_token_good() {
    with_service(
        "boundaries::a_store_that_cannot_write_is_a_503_that_keeps_the_old_token_good",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let session = house.ask_login(anybody()).await;
            let transaction = device.fetch(&house, session).await.unwrap();
            let confirm = device.half(&house, &transaction, 7).await;
            let by = device.fingerprint();

            // A connection that cannot even begin a transaction is replaced, so each failure needs
            // a spoilt one of its own.
            const SPOIL: &str = "PRAGMA query_only = 1";
            house.tamper(SPOIL).await;
            let refused = house.call(by, session, &confirm).await.unwrap_err();
            assert_eq!(refused.status, 503);
            assert_eq!(refused.code, ProblemCode::Unavailable);
            assert!(refused.retry_after_seconds.is_some());
            house.tamper(SPOIL).await;
            let error = house.try_ask_login(anybody()).await.unwrap_err();
            assert!(matches!(error, CreateError::Store(_)));
            assert!(house.session(session).await.is_running());

            house.call(by, session, &confirm).await.unwrap();
        },
    );
}
