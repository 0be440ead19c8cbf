//! Waiting for results.

use std::time::{Duration, Instant};

use super::*;
use crate::sessions::EndResult;

#[tokio::test]
async fn without_a_result_the_answer_is_running_and_in_time() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    let asked = Instant::now();
    let answer = bench.get(&format!("/v3/session/{id}?timeoutMs=1000")).await;
    let waited = asked.elapsed();
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({"state": "RUNNING"}))
    );
    assert!(waited >= Duration::from_millis(850), "{waited:?}");
    assert!(waited <= Duration::from_millis(1100), "{waited:?}");
}

#[tokio::test]
async fn a_result_ends_the_waiting_at_once_and_can_be_fetched_again() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    let path = format!("/v3/session/{id}?timeoutMs=60000");
    let asked = Instant::now();
    let (answer, ()) = tokio::join!(bench.get(&path), async {
        bench.finish(id, ended(EndResult::UserRefused)).await;
    });
    let expected = json!({"state": "COMPLETE", "result": {"endResult": "USER_REFUSED"}});
    assert_eq!((answer.status, answer.body), (200, expected));
    // Far less than the time asked for, and than the look that the waiting takes by itself.
    assert!(asked.elapsed() < Duration::from_secs(20));
    let again = bench.get(&path).await;
    assert_eq!(again.body["result"]["endResult"], "USER_REFUSED");
}

#[tokio::test]
async fn nobody_answered_in_time_is_a_timeout() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    bench
        .execute("UPDATE session SET expires_at = created_at - 1")
        .await;
    let answer = bench.get(&format!("/v3/session/{id}")).await;
    let expected = json!({"state": "COMPLETE", "result": {"endResult": "TIMEOUT"}});
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn a_result_is_kept_for_five_minutes() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    bench.finish(id, ended(EndResult::UserRefused)).await;
    let path = format!("/v3/session/{id}");
    bench
        .execute("UPDATE session SET completed_at = completed_at - 290000")
        .await;
    assert_eq!(bench.get(&path).await.status, 200);
    bench
        .execute("UPDATE session SET completed_at = completed_at - 11000")
        .await;
    assert_eq!(bench.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_stranger_sees_no_difference_from_a_session_that_never_was() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    bench.finish(id, ended(EndResult::UserRefused)).await;
    let poll = |id: Uuid| {
        let request = Request::get(format!("/v3/session/{id}"))
            .body(Body::empty())
            .unwrap();
        from([192, 0, 2, 1], request)
    };
    let mut theirs = bench.send(poll(id)).await;
    let mut nobodys = bench.send(poll(Uuid::from_u128(1))).await;
    theirs.body["instance"].take();
    nobodys.body["instance"].take();
    assert_eq!(theirs.status, 404);
    assert_eq!(theirs, nobodys);
}

#[tokio::test]
async fn a_removed_relying_party_has_no_sessions_any_more() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    let uuid = demo_party().uuid;
    assert!(registry::remove(&bench.store, uuid).await.unwrap());
    assert_eq!(bench.get(&format!("/v3/session/{id}")).await.status, 404);
    assert!(!bench.session(id).await.is_running(), "no device is asked");
    assert_eq!(bench.post(&login_path(), &login()).await.status, 403);
    assert!(!registry::remove(&bench.store, uuid).await.unwrap());
}

#[tokio::test]
async fn properties_that_were_ignored_are_named_in_every_status() {
    let bench = Bench::with_person().await;
    let properties = json!({"unknownProp": true, "shareMdClientIpAddress": false, "other": 5});
    let body = with(login(), "requestProperties", properties);
    let id = bench.open(&login_path(), &body).await;
    let path = format!("/v3/session/{id}?timeoutMs=1000");
    let running = bench.get(&path).await.body;
    let ignored = json!(["other", "unknownProp"]);
    assert_eq!(
        running,
        json!({"state": "RUNNING", "ignoredProperties": ignored})
    );
    bench.finish(id, ended(EndResult::UserRefused)).await;
    assert_eq!(bench.get(&path).await.body["ignoredProperties"], ignored);
}

#[tokio::test]
async fn a_time_that_is_no_number_is_refused() {
    let bench = Bench::with_person().await;
    let id = bench.open(&login_path(), &login()).await;
    for query in [
        "timeoutMs=soon",
        "timeoutMs=",
        "timeoutMs=1000&timeoutMs=2000",
        "timeoutMs=%ff",
    ] {
        let answer = bench.get(&format!("/v3/session/{id}?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.body["errors"][0]["paramName"], "timeoutMs");
    }
}

fn ended(end_result: EndResult) -> SessionResult {
    SessionResult::without_signature(end_result)
}
