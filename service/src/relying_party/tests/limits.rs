//! Asking too often.

use super::*;

/// One at once, and one a second. No test here waits for that second: it asks so often that some of
/// it must come too soon.
const SCARCE: &str = "{ per_second = 1, burst = 1 }";
const MANY: usize = 50;

#[tokio::test]
async fn a_relying_party_that_asks_too_often_is_told_when_to_come_back() {
    let bench = Bench::configured(&format!("limits.party = {SCARCE}")).await;
    bench.add_account(PERSON, DOCUMENT).await;
    // Whoever is not that relying party uses none of its tokens up.
    for _ in 0..MANY {
        let stranger = with(login(), "relyingPartyName", "somebody else");
        assert_eq!(bench.post(&login_path(), &stranger).await.status, 401);
    }
    let mut opened = 0;
    let mut refused = 0;
    for _ in 0..MANY {
        let request = posting(&login_path(), login().to_string());
        let response = bench.router.clone().oneshot(request).await.unwrap();
        match response.status().as_u16() {
            200 => opened += 1,
            429 => {
                assert_eq!(response.headers()[header::RETRY_AFTER], "1");
                let answer = bench.post(&login_path(), &login()).await;
                if answer.status == 429 {
                    assert_eq!(answer.media_type, "application/problem+json");
                    assert_eq!(answer.body["title"], "Too Many Requests");
                    refused += 1;
                } else {
                    opened += 1;
                }
            }
            status => panic!("{status}"),
        }
    }
    assert!(opened >= 1 && refused >= 1, "{opened} {refused}");
    let sessions = sqlx::query("SELECT COUNT(*) AS n FROM session")
        .fetch_one(bench.store.readers())
        .await
        .unwrap();
    let begun = crate::store::Columns::number(&sessions, "n").unwrap();
    assert_eq!(begun, opened, "what was refused began nothing");
}

#[tokio::test]
async fn a_source_that_asks_too_often_keeps_no_other_away() {
    let limits = format!("trusted_proxies = ['10.0.0.1/32']\nlimits.source = {SCARCE}");
    let bench = Bench::configured(&limits).await;
    let poll = |forwarded: &str| {
        let request = Request::get(format!("/v3/session/{}", Uuid::nil()))
            .header("x-forwarded-for", forwarded)
            .body(Body::empty())
            .unwrap();
        bench.send(from([10, 0, 0, 1], request))
    };
    let mut refused = 0;
    for number in 0..MANY {
        let answer = poll("192.0.2.1").await;
        assert!([404, 429].contains(&answer.status), "{answer:?}");
        refused += usize::from(answer.status == 429);
        // Behind the same proxy.
        let other = poll(&format!("198.51.100.{number}")).await;
        assert_eq!(other.status, 404);
    }
    assert!(refused >= 1);
}
