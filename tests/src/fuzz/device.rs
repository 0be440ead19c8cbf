//! Requests to the device API, by a device whose account exists and by somebody unknown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};

use super::{Fuzzer, bend};
use crate::soft_device::{Connection, send};

/// What a device may do: its path, and whether its account would be gone afterwards.
const EXCHANGES: [(&str, bool); 17] = [
    ("GET /account", false),
    ("GET /transactions", false),
    ("GET /transactions/{id}", false),
    ("GET /events", false),
    ("POST /transactions/{id}/prepare", false),
    ("POST /transactions/{id}/confirm", false),
    ("POST /transactions/{id}/consent", false),
    ("POST /transactions/{id}/refuse", false),
    ("POST /links", false),
    ("POST /events/acknowledge", false),
    ("POST /account/pin-changed", false),
    ("POST /account/close", true),
    ("POST /pin", false),
    ("POST /lock/challenge", false),
    ("POST /lock", false),
    ("POST /release", false),
    ("POST /enrolments", false),
];

const CHALLENGE: &str = "TTb4rM24GEIvtddfOqA-gOUwdJSXKrj5JeVnRtPv7tI";

/// Those who ask, over connections of their own.
pub(super) struct Devices {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) url: String,
    pub(super) known: Connection,
    pub(super) stranger: Connection,
}

impl Fuzzer<'_> {
    /// A request of any kind, valid or bent.
    pub(super) fn ask_as_device(&mut self) {
        let is_known = self.random.u8(0..4) > 0;
        let (exchange, ends_all) = EXCHANGES[self.random.usize(0..EXCHANGES.len())];
        if is_known && ends_all {
            return;
        }
        let (method, path) = exchange.split_once(' ').unwrap_or_default();
        let id = self.transaction();
        let mut path = path.replace("{id}", &id);
        if self.random.u8(0..12) == 0 {
            path = bend::path(&mut self.random, &path);
        }
        let mut body = body_of(&mut self.random, exchange);
        for _ in 0..self.random.u8(0..3) {
            bend::inside(&mut self.random, &mut body);
        }
        let octets = bend::octets(&mut self.random, &body);
        self.send_as_device(is_known, method, &path, octets);
    }

    /// Brings a link to the service, as a device that opened it.
    pub(super) fn open_by_device(&mut self, link: &str) {
        let body = json!({"link": link}).to_string().into_bytes();
        self.send_as_device(true, "POST", "/links", body);
    }

    fn send_as_device(&mut self, is_known: bool, method: &str, path: &str, octets: Vec<u8>) {
        let devices = self.setting.devices;
        let connection = match is_known {
            true => &devices.known,
            false => &devices.stranger,
        };
        let url = format!("{}/device/v1{path}", devices.url);
        let told = format!("{method} {path} {}", String::from_utf8_lossy(&octets));
        let sent = send(connection, method, &url, octets);
        let (status, answer) = devices.runtime.block_on(sent);
        assert!((200..500).contains(&status), "{status} {answer:?}: {told}");
        // An enrolment begins as a stranger; nothing else is a stranger's.
        let done = (200..300).contains(&status);
        assert!(
            is_known || !done,
            "{status} {answer:?} to a stranger: {told}"
        );
    }

    /// Of a session that was opened, or of none. For a device both have the same name.
    fn transaction(&mut self) -> String {
        match self.opened.is_empty() || self.random.u8(0..4) == 0 {
            true => format!("{:08x}-0000-4000-8000-000000000000", self.random.u32(..)),
            false => self.opened[self.random.usize(0..self.opened.len())]
                .1
                .clone(),
        }
    }
}

fn body_of(random: &mut Rng, exchange: &str) -> Value {
    let octets = |random: &mut Rng, length: usize| {
        let drawn: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
        STANDARD.encode(drawn)
    };
    let reason = ["user", "notStarted", "protocolFailure"][random.usize(0..3)];
    let purpose = ["authentication", "signing"][random.usize(0..2)];
    match exchange {
        "POST /transactions/{id}/prepare" => json!({
            "salt": octets(random, 32),
            "interaction": "confirmationMessage",
            "userChallenge": CHALLENGE,
        }),
        "POST /transactions/{id}/confirm" => json!({
            "share": octets(random, 256),
            "salt": octets(random, 32),
            "interaction": "confirmationMessage",
            "userChallenge": CHALLENGE,
            "freshnessToken": octets(random, 32),
        }),
        "POST /transactions/{id}/refuse" => json!({
            "reason": reason,
            "interaction": "confirmationMessage",
        }),
        "POST /links" => json!({"link": "https://localhost/device-link?deviceLinkType=QR"}),
        "POST /events/acknowledge" => json!({"cursor": 0}),
        "POST /account/pin-changed" => json!({"purpose": purpose}),
        "POST /pin" => json!({
            "purpose": purpose,
            "act": {"kind": "sign", "messageDigest": octets(random, 32)},
            "entry": random.u32(0..4),
            "failures": random.u32(0..4),
            "signature": octets(random, 64),
        }),
        "POST /lock" => json!({
            "purpose": purpose,
            "reading": {"attestation": octets(random, 120), "signature": octets(random, 70)},
        }),
        "POST /release" => json!({"purpose": purpose, "sessionNonce": octets(random, 32)}),
        "POST /enrolments" => json!({"code": "AAAA-BBBB-CCCC", "deviceName": "x"}),
        _ => json!({}),
    }
}
