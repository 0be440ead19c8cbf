//! From the start to an orderly end.

use std::io::Read;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::http;
use crate::program::Installation;
use crate::softhsm::with_token;

#[test]
fn a_started_service_says_where_it_is_and_that_it_is_well() {
    with_token(
        "lifetime::a_started_service_says_where_it_is_and_that_it_is_well",
        |house| {
            let mut serving = Installation::prepared(house).serve();
            assert_ne!(serving.relying_parties, serving.devices);
            let health = http::get(serving.relying_parties, "/health");
            assert_eq!(
                (health.status, health.body),
                (
                    200,
                    json!({"store": true, "hsm": true, "hsmState": "working"})
                )
            );
            // The device API answers no plain HTTP: what comes back is no HTTP at all.
            let request = "GET /device/v1/account HTTP/1.1\r\nhost: test\r\n\r\n";
            let mut answer = Vec::new();
            let _ = http::begin(serving.devices, request).read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

            serving.signal(Signal::TERM);
            assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
        },
    );
}

#[test]
fn an_end_answers_who_is_waiting() {
    with_token("lifetime::an_end_answers_who_is_waiting", |house| {
        let installation = Installation::prepared(house);
        let usual = installation.configuration();
        installation.configure(&format!("{usual}[log]\nfilter = 'debug'\n"));
        let mut serving = installation.serve();
        let path = serving.login();
        let address = serving.relying_parties;
        let began = Instant::now();
        let waiting = std::thread::spawn(move || http::get(address, &path));
        serving.await_log("a relying party waits");
        serving.signal(Signal::TERM);
        let answer = waiting.join().unwrap();
        assert_eq!(
            (answer.status, answer.body),
            (200, json!({"state": "RUNNING"}))
        );
        assert_eq!(serving.ended().code(), Some(0), "{}", serving.log());
        assert!(began.elapsed() < Duration::from_secs(20));
    });
}

#[test]
fn what_was_asked_before_a_kill_is_still_asked_after_it() {
    with_token(
        "lifetime::what_was_asked_before_a_kill_is_still_asked_after_it",
        |house| {
            let installation = Installation::prepared(house);
            let mut serving = installation.serve();
            let path = serving.login();
            serving.signal(Signal::KILL);
            serving.ended();

            let serving = installation.serve();
            let short = path.replace("120000", "1000");
            let answer = http::get(serving.relying_parties, &short);
            assert_eq!(
                (answer.status, answer.body),
                (200, json!({"state": "RUNNING"}))
            );
        },
    );
}

#[test]
fn sighup_takes_up_the_log_filter_and_nothing_that_is_wrong() {
    with_token(
        "lifetime::sighup_takes_up_the_log_filter_and_nothing_that_is_wrong",
        |house| {
            let installation = Installation::prepared(house);
            let mut serving = installation.serve();
            let usual = installation.configuration();

            installation.configure("this is no configuration");
            serving.signal(Signal::HUP);
            serving.await_state("READY=1");
            assert!(
                serving.log().contains("nothing was reloaded"),
                "{}",
                serving.log()
            );

            // A refused request is logged until the filter says otherwise.
            http::get(serving.relying_parties, "/v3/nothing");
            let refusals = |log: &str| log.matches("relying-party request refused").count();
            assert_eq!(refusals(&serving.log()), 1);
            installation.configure(&format!("{usual}[log]\nfilter = 'error'\n"));
            serving.signal(Signal::HUP);
            serving.await_state("READY=1");
            http::get(serving.relying_parties, "/v3/nothing");
            assert_eq!(refusals(&serving.log()), 1, "{}", serving.log());
        },
    );
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    with_token(
        "lifetime::a_head_that_does_not_come_ends_the_connection",
        |house| {
            let serving = Installation::prepared(house).serve();
            let mut stream = http::begin(serving.relying_parties, "GET /health HTTP/1.1\r\nho");
            let mut rest = Vec::new();
            // Errs if nothing happens for longer than any deadline of the service.
            stream.read_to_end(&mut rest).unwrap();
            assert_eq!(http::get(serving.relying_parties, "/health").status, 200);
        },
    );
}

#[test]
fn a_service_that_was_not_initialised_says_so() {
    with_token(
        "lifetime::a_service_that_was_not_initialised_says_so",
        |house| {
            let output = Installation::bare(house).run(&["serve"]);
            assert_eq!(output.status.code(), Some(1));
            let reason = String::from_utf8(output.stderr).unwrap();
            assert!(reason.contains("init"), "{reason}");
        },
    );
}

#[test]
fn an_address_in_use_is_named() {
    with_token("lifetime::an_address_in_use_is_named", |house| {
        let installation = Installation::prepared(house);
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let text = installation.configuration();
        installation.configure(&text.replacen("127.0.0.1:0", &address, 1));
        let output = installation.run(&["serve"]);
        assert_eq!(output.status.code(), Some(1));
        let reason = String::from_utf8(output.stderr).unwrap();
        assert!(reason.contains(&address), "{reason}");
    });
}
