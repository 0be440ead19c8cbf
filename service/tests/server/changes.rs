//! What changes under a running service.

// So that cargo builds the module.
use obstinate_module as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, SOON};
use crate::program::{DOCUMENT, Installation, RELYING_PARTY};
use crate::softhsm::with_token;

/// Polls a login while another process runs a command, and returns how the poll ended.
fn polled_while(installation: &Installation, command: &[&str]) -> Value {
    let serving = installation.serve();
    let path = serving.login();
    let address = serving.relying_parties;
    let began = Instant::now();
    let waiting = std::thread::spawn(move || http::get(address, &path));
    installation.must(command);
    let answer = waiting.join().unwrap();
    // The poll would last two minutes.
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[test]
fn closing_an_account_ends_what_waits_for_it() {
    with_token(
        "changes::closing_an_account_ends_what_waits_for_it",
        |house| {
            let installation = Installation::prepared(house);
            let ended = polled_while(&installation, &["account", "close", DOCUMENT]);
            assert_eq!(
                ended,
                json!({"state": "COMPLETE", "result": {"endResult": "DOCUMENT_UNUSABLE"}})
            );
        },
    );
}

#[test]
fn a_relying_party_added_while_it_runs_is_served_and_a_removed_one_is_not() {
    with_token(
        "changes::a_relying_party_added_while_it_runs_is_served_and_a_removed_one_is_not",
        |house| {
            let installation = Installation::prepared(house);
            installation.must(&["rp", "remove", RELYING_PARTY]);
            let serving = installation.serve();
            let body = json!({"relyingPartyUUID": RELYING_PARTY, "relyingPartyName": "DEMO"});
            let path = format!("/v3/signature/certificate/{DOCUMENT}");
            let status = || http::post(serving.relying_parties, &path, &body).status;
            assert_eq!(status(), 403);
            let add = ["rp", "add", "--name", "DEMO", "--network", "127.0.0.0/8"];
            installation.must(&[&add[..], &["--uuid", RELYING_PARTY]].concat());
            let session = serving.login();
            installation.must(&["rp", "remove", RELYING_PARTY]);
            assert_eq!(status(), 403);
            assert_eq!(http::get(serving.relying_parties, &session).status, 404);
        },
    );
}

#[test]
fn health_tells_of_a_token_that_is_gone() {
    with_token("changes::health_tells_of_a_token_that_is_gone", |house| {
        let installation = Installation::prepared(house);
        let serving = installation.serve();
        assert_eq!(http::get(serving.relying_parties, "/health").status, 200);
        std::fs::remove_dir_all(installation.path("tokens")).unwrap();
        let deadline = Instant::now() + SOON;
        loop {
            let health = http::get(serving.relying_parties, "/health");
            if health.status == 503 {
                assert_eq!(health.body["store"], true);
                assert_eq!(health.body["hsm"], false);
                break;
            }
            assert!(Instant::now() < deadline, "{health:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    });
}

#[test]
fn health_tells_of_a_module_that_hangs_and_of_its_recovery() {
    with_token(
        "changes::health_tells_of_a_module_that_hangs_and_of_its_recovery",
        |house| {
            let installation = Installation::prepared(house);
            let plain = house.module().display().to_string();
            let obstinate = house.obstinate_module().display().to_string();
            installation.configure(&installation.configuration().replace(
                &format!("module = '{plain}'"),
                &format!("module = '{obstinate}'\ndeadline_seconds = 1"),
            ));
            let serving = installation.serve();
            let told = |status, expected| {
                let deadline = Instant::now() + SOON;
                loop {
                    let health = http::get(serving.relying_parties, "/health");
                    if (health.status, &health.body) == (status, &expected) {
                        break;
                    }
                    assert!(Instant::now() < deadline, "{health:?}");
                    std::thread::sleep(Duration::from_millis(100));
                }
            };
            let well = json!({"store": true, "hsm": true, "hsmState": "working"});
            told(200, well.clone());
            std::fs::write(house.commands(), "hang C_Sign").unwrap();
            told(
                503,
                json!({"store": true, "hsm": false, "hsmState": "recovering"}),
            );
            std::fs::remove_file(house.commands()).unwrap();
            told(200, well);
        },
    );
}

#[test]
fn key_shares_are_made_ahead_of_need_up_to_the_configured_number() {
    with_token(
        "changes::key_shares_are_made_ahead_of_need_up_to_the_configured_number",
        |house| {
            let installation = Installation::prepared(house);
            installation.configure(
                &installation
                    .configuration()
                    .replace("[certificates]", "shares_ahead = 3\n[certificates]"),
            );
            let _serving = installation.serve();
            let pool = || {
                let output = installation.run(&["check", "--json"]);
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                let findings = report["findings"].as_array().unwrap();
                let pool = findings.iter().find(|one| one["what"] == "pool of shares");
                pool.unwrap()["detail"].as_str().unwrap().to_owned()
            };
            let deadline = Instant::now() + SOON;
            while pool() != "3 wait for use" {
                assert!(Instant::now() < deadline, "{}", pool());
                std::thread::sleep(Duration::from_millis(200));
            }
        },
    );
}
