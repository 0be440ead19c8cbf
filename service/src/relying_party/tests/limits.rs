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
        .fetch_one(&mut *bench.store.reader().await.unwrap())
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

#[tokio::test]
async fn s195_whom_is_asked_too_often_tells_nothing_about_them() {
    let bench = Bench::configured(&format!("limits.person = {SCARCE}")).await;
    bench.add_account(PERSON, DOCUMENT).await;
    let nobody = "PNOEE-50001029996";
    let by_person = |person: &str| format!("/v3/authentication/notification/etsi/{person}");
    let by_document =
        |document: &str| format!("/v3/authentication/notification/document/{document}");
    // Under whichever of their names, and to whoever is not there.
    for (paths, first) in [
        ([by_person(PERSON), by_document(DOCUMENT)], 200),
        (
            [by_person(nobody), by_document(&format!("{nobody}-ABCD-Q"))],
            404,
        ),
    ] {
        let mut refused = 0;
        for number in 0..MANY {
            let answer = bench.post(&paths[number % 2], &login()).await;
            match answer.status {
                429 => refused += 1,
                status => assert_eq!(status, first, "{answer:?}"),
            }
        }
        // More than one second would have to go by between any two of them.
        assert!(refused >= 1, "{paths:?}");
    }
    // Somebody else is asked, and whoever opens a link has asked for it.
    let other = bench.post(&by_person("PNOEE-39901012239"), &login()).await;
    assert_eq!(other.status, 404);
    let mut link = login();
    link.as_object_mut().unwrap().remove("vcType");
    for _ in 0..MANY {
        let path = format!("/v3/authentication/device-link/etsi/{PERSON}");
        assert_eq!(bench.post(&path, &link).await.status, 200);
    }
}
