//! What is refused, and the bodies that say so.

use super::*;

#[tokio::test]
async fn a_refusal_has_a_problem_body_that_lists_everything() {
    let bench = Bench::with_person().await;
    let mut body = with(login(), "vcType", "alphaNumeric4");
    body["signatureProtocolParameters"]["signatureAlgorithm"] = json!("rsassa");
    let answer = bench.post(&login_path(), &body).await;
    assert_eq!(answer.media_type, "application/problem+json");
    let instance = answer.body["instance"].as_str().unwrap();
    assert!(instance.starts_with("/task-id/"), "{instance}");
    assert_eq!(
        answer.body,
        json!({
            "type": "about:blank",
            "status": 400,
            "title": "Bad Request",
            "detail": "Invalid request parameters found",
            "instance": instance,
            "errors": [
                {
                    "detail": "Invalid signature algorithm parameter",
                    "paramName": "signatureAlgorithm",
                    "pointer": "/signatureProtocolParameters/signatureAlgorithm"
                },
                {
                    "detail": "Invalid vcType: must be numeric4",
                    "paramName": "vcType",
                    "pointer": "/vcType"
                }
            ]
        })
    );
}

#[tokio::test]
async fn who_is_not_who_it_says_is_refused() {
    let bench = Bench::with_person().await;
    let unknown = with(
        login(),
        "relyingPartyUUID",
        "10000000-0000-4000-8000-000000000000",
    );
    let misnamed = with(login(), "relyingPartyName", "NOT DEMO");
    assert_eq!(bench.post(&login_path(), &unknown).await.status, 403);
    assert_eq!(bench.post(&login_path(), &misnamed).await.status, 401);
    for (path, body) in [(login_path(), login()), (signing_path(), signing())] {
        let elsewhere = from([192, 0, 2, 1], posting(&path, body.to_string()));
        let answer = bench.send(elsewhere).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.media_type, "application/problem+json");
        assert_eq!(answer.body["title"], "Unauthorized");
    }
}

#[tokio::test]
async fn who_is_refused_has_no_forwarded_address_believed() {
    let bench = Bench::with_person().await;
    let mut request = from([192, 0, 2, 1], posting(&login_path(), login().to_string()));
    request
        .headers_mut()
        .insert("x-forwarded-for", "127.0.0.1".parse().unwrap());
    assert_eq!(bench.send(request).await.status, 401);
}

#[tokio::test]
async fn privileges_that_were_not_given_are_forbidden() {
    let bench = Bench::with_person().await;
    for (body, pointer) in [
        (
            with(login(), "certificateLevel", "ADVANCED"),
            "/certificateLevel",
        ),
        (
            with(
                login(),
                "requestProperties",
                json!({"shareMdClientIpAddress": true}),
            ),
            "/requestProperties/shareMdClientIpAddress",
        ),
        (
            with(login(), "capabilities", json!(["ADVANCED"])),
            "/capabilities",
        ),
    ] {
        let answer = bench.post(&login_path(), &body).await;
        assert_eq!(answer.status, 403, "{pointer}");
        assert_eq!(answer.body["detail"], "Forbidden");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn whom_nobody_knows_is_not_found() {
    let bench = Bench::with_person().await;
    bench
        .add_account("PNOLT-40504049999", "PNOLT-40504049999-MACK-NQ")
        .await;
    for path in [
        "/v3/authentication/notification/etsi/PNOEE-50001029996",
        "/v3/authentication/notification/document/PNOEE-40504040001-NANE-Q",
        "/v3/authentication/notification/etsi/PASKZ-%20",
    ] {
        let answer = bench.post(path, &login()).await;
        let expected = json!({
            "type": "about:blank", "status": 404, "title": "Not Found", "detail": "Not Found",
            "instance": answer.body["instance"]
        });
        assert_eq!((answer.status, answer.body), (404, expected), "{path}");
    }
    let basic = "/v3/authentication/notification/etsi/PNOLT-40504049999";
    let answer = bench.post(basic, &login()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.body["errors"][0]["code"],
        "NO_SUITABLE_ACCOUNT_FOUND"
    );
}

#[tokio::test]
async fn a_path_that_names_no_identifier_is_a_bad_request() {
    let bench = Bench::with_person().await;
    for path in [
        "/v3/authentication/notification/etsi/40504040001",
        "/v3/authentication/notification/document/DEMA-Q",
    ] {
        assert_eq!(bench.post(path, &login()).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_have_problem_bodies_too() {
    let bench = Bench::start().await;
    for path in [
        "/",
        "/v3",
        "/v3/nothing",
        "/v3/session",
        "/v3/session/a/b",
        "/v3/session/%ff",
        "/v4/session/00000000-0000-4000-8000-000000000000",
        "/v3/session/not-a-uuid",
    ] {
        let answer = bench.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.media_type, "application/problem+json");
    }
    let answer = bench.get(&login_path()).await;
    assert_eq!((answer.status, &answer.body["status"]), (405, &json!(405)));
    let answer = bench
        .post("/v3/session/00000000-0000-4000-8000-000000000000", &login())
        .await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn no_body_brings_the_service_to_fall() {
    let bench = Bench::with_person().await;
    let nested = format!(
        "{{\"interactions\":{}{}}}",
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    let deep = STANDARD.encode(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)));
    let flood: String = (0..3_000).map(|n| format!("\"f{n}\":0,")).collect();
    let bodies = [
        String::new(),
        "null".to_owned(),
        "\u{feff}{}".to_owned(),
        nested,
        with(login(), "interactions", deep).to_string(),
        format!("{{{flood}\"x\":\"{}\"}}", "y".repeat(100_000)),
        "{\"relyingPartyUUID\":{\"a\":1}}".to_owned(),
    ];
    for body in bodies {
        for path in [login_path(), signing_path()] {
            let answer = bench.send(posting(&path, body.clone())).await;
            assert_eq!(answer.status, 400, "{path} {body:.60}");
            assert_eq!(answer.media_type, "application/problem+json");
        }
    }
    let mut plain = posting(&login_path(), login().to_string());
    plain
        .headers_mut()
        .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(bench.send(plain).await.status, 400);
}

#[tokio::test]
async fn a_store_out_of_order_is_maintenance_and_no_internal_detail() {
    let bench = Bench::with_person().await;
    bench.store.close().await;
    let answer = bench.post(&login_path(), &login()).await;
    let expected = json!({
        "type": "about:blank", "status": 580, "title": "System Under Maintenance",
        "detail": "System is under maintenance, retry later",
        "instance": answer.body["instance"]
    });
    assert_eq!((answer.status, answer.body), (580, expected));
}
