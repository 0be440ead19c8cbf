//! Scenario 118: the OpenAPI document names what is served, and nothing else.

use super::*;

#[tokio::test]
async fn s118_every_route_is_in_the_document_and_the_reverse() {
    let bench = Bench::configured("prefix = '/v3'\nprefix_v2 = '/v2'").await;
    let document = openapi::document("/v3", Some("/v2"));
    let documented = document["paths"].as_object().unwrap();
    for (path, operations) in documented {
        let path = path.replace("{id}", "x").replace("{issuer}", "y");
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request = Request::builder().method(method).uri(&path);
            let request = from([127, 0, 0, 1], request.body(Body::empty()).unwrap());
            let status = bench.send(request).await.status;
            // A method that a route does not take is told apart from a route that is not there.
            let is_served = status != 405;
            let is_documented = !operations[method.to_lowercase()].is_null();
            assert_eq!(is_served, is_documented, "{method} {path}: {status}");
        }
    }
    // The reverse needs no more than this: the router is made from the same tables.
    let served = routes::all().len() + v2::routes::all().len();
    assert_eq!(documented.len(), served);
}

#[tokio::test]
async fn the_document_is_served_and_is_json() {
    let document = Arc::new(openapi::document("/v3", None));
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let response = openapi::router(document.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let octets = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let served: Value = serde_json::from_slice(&octets).unwrap();
    assert_eq!(served, *document);
    assert_eq!(served["openapi"], "3.1.0");
    // What is not served is not told.
    let paths = served["paths"].as_object().unwrap();
    assert!(paths.keys().all(|path| path.starts_with("/v3/")));
}
