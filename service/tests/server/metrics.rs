//! `/metrics`, as Prometheus reads it.

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::http::{self, SOON};
use crate::program::{DOCUMENT, Installation, RELYING_PARTY, Serving};
use crate::softhsm::with_token;

fn serving_with(installation: &Installation, section: &str) -> Serving {
    let text = installation.configuration().replace(
        "[relying_party]",
        "session_lifetime_seconds = 1\n[relying_party]",
    );
    installation.configure(&format!("{text}{section}"));
    installation.serve()
}

fn scrape(address: SocketAddr) -> String {
    let request = "GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    http::begin(address, request)
        .read_to_string(&mut answer)
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text;"));
    assert!(answer.ends_with("# EOF\n"));
    answer
}

fn wait_for(address: SocketAddr, line: &str) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let told = scrape(address);
        if told.lines().any(|told| told == line) {
            return told;
        }
        assert!(Instant::now() < deadline, "no {line} in {told}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn s153_metrics_count_sessions_and_token_calls_and_name_nobody() {
    with_token(
        "metrics::s153_metrics_count_sessions_and_token_calls_and_name_nobody",
        |house| {
            let installation = Installation::prepared(house);
            let serving = serving_with(&installation, "[metrics]\nlisten = '127.0.0.1:0'\n");
            let address = serving.addresses["metrics"].as_str().unwrap();
            let address: SocketAddr = address.parse().unwrap();
            let kind = "kind=\"authentication\",flow=\"Notification\"";
            assert!(!scrape(address).contains(kind));
            serving.login();
            serving.login();
            wait_for(
                address,
                &format!("symbolon_sessions_begun_total{{{kind}}} 2"),
            );
            let ended = format!("symbolon_sessions_ended_total{{{kind},result=\"TIMEOUT\"}} 2");
            http::get(serving.relying_parties, "/health");
            let told = wait_for(address, &ended);
            for line in [
                "symbolon_token_state{state=\"working\"} 1",
                "symbolon_token_process_ends_total{reason=\"died\"} 0",
                "symbolon_devices_connected 0",
                "symbolon_shares_ahead 0",
            ] {
                assert!(told.lines().any(|told| told == line), "{line}: {told}");
            }
            let calls = "symbolon_token_call_seconds_count{operation=\"sign_tls_handshake\"}";
            assert!(told.contains(calls), "{told}");
            for private in [RELYING_PARTY, DOCUMENT, "PNOEE", "DEMO", "40504040001"] {
                assert!(!told.contains(private), "{private}: {told}");
            }
            assert_eq!(http::get(serving.relying_parties, "/metrics").status, 404);
        },
    );
}

#[test]
fn s154_metrics_are_beside_health_or_nowhere_as_configured() {
    with_token(
        "metrics::s154_metrics_are_beside_health_or_nowhere_as_configured",
        |house| {
            let installation = Installation::prepared(house);
            let without = installation.serve();
            assert_eq!(http::get(without.relying_parties, "/metrics").status, 404);
            drop(without);
            let serving = serving_with(&installation, "[metrics]\n");
            scrape(serving.relying_parties);
        },
    );
}
