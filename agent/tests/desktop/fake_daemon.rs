//! A daemon without keys: it offers what a test wants and keeps what it is told.

use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use zbus::Connection;
use zbus::message::Header;
use zbus::zvariant::OwnedFd;

use crate::bus::Bus;
use crate::process::eventually;

const PATH: &str = "/org/symbolon/Symbolon1";
const INTERFACE: &str = "org.symbolon.Symbolon1";

#[derive(Default)]
struct State {
    subscribers: Vec<String>,
    pending: Vec<Value>,
    pins: Vec<String>,
    verdicts: Vec<Value>,
    refused: Vec<String>,
    disowned: Vec<String>,
    consented: Vec<String>,
    agreed: Vec<String>,
    others_missing: u8,
    picked: Vec<String>,
    right_code: Option<String>,
    begun: Vec<String>,
    standing: Option<Value>,
}

#[derive(Clone)]
pub struct FakeDaemon {
    state: Arc<Mutex<State>>,
    connection: Connection,
}

struct Object(Arc<Mutex<State>>);

#[zbus::interface(name = "org.symbolon.Symbolon1")]
impl Object {
    async fn subscribe(&self, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().unwrap().to_string();
        self.0.lock().unwrap().subscribers.push(sender);
    }

    async fn list_pending(&self) -> String {
        let pending = self.0.lock().unwrap().pending.clone();
        json!({"transactions": pending, "notAsked": []}).to_string()
    }

    async fn begin_approval(&self, transaction: &str) -> String {
        let mut state = self.0.lock().unwrap();
        state.begun.push(transaction.to_owned());
        let open = json!({"state": "open", "triesLeft": 3});
        let pin = state.standing.clone().unwrap_or(open);
        let found = state.pending.iter().find(|one| one["id"] == transaction);
        let others_missing = state.others_missing;
        json!({"transaction": found, "pin": pin, "othersMissing": others_missing}).to_string()
    }

    async fn choose_code(&self, transaction: &str, code: &str) -> String {
        let mut state = self.0.lock().unwrap();
        state.picked.push(code.to_owned());
        if state.right_code.as_deref() == Some(code) {
            return json!({"outcome": "right"}).to_string();
        }
        state.pending.retain(|one| one["id"] != transaction);
        json!({"outcome": "wrong"}).to_string()
    }

    async fn approve(&self, transaction: &str, pin: OwnedFd) -> String {
        let mut typed = String::new();
        File::from(std::os::fd::OwnedFd::from(pin))
            .read_to_string(&mut typed)
            .unwrap();
        let mut state = self.0.lock().unwrap();
        state.pins.push(typed);
        let accepted = json!({"outcome": "accepted"});
        let verdict = match state.verdicts.is_empty() {
            true => accepted.clone(),
            false => state.verdicts.remove(0),
        };
        if verdict == accepted {
            state.pending.retain(|one| one["id"] != transaction);
        }
        verdict.to_string()
    }

    async fn refuse(&self, transaction: &str) {
        let mut state = self.0.lock().unwrap();
        state.pending.retain(|one| one["id"] != transaction);
        state.refused.push(transaction.to_owned());
    }

    async fn consent(&self, transaction: &str) -> String {
        let mut state = self.0.lock().unwrap();
        state.pending.retain(|one| one["id"] != transaction);
        state.consented.push(transaction.to_owned());
        json!({"linkedWithinSeconds": null}).to_string()
    }

    async fn agree(&self, transaction: &str) -> String {
        let mut state = self.0.lock().unwrap();
        state.agreed.push(transaction.to_owned());
        json!({"needed": 2, "given": [{"uid": 1000, "name": "mari"}]}).to_string()
    }

    async fn disown(&self, transaction: &str) {
        let mut state = self.0.lock().unwrap();
        state.pending.retain(|one| one["id"] != transaction);
        state.disowned.push(transaction.to_owned());
    }
}

/// A login request as the daemon tells it.
pub fn login(id: &str, name: &str, text: &str, code: &str) -> Value {
    json!({
        "id": id,
        "documentNumber": "PNOEE-30303039914-MOCK-Q",
        "purpose": "authentication",
        "relyingPartyName": name,
        "brokeredRelyingPartyName": null,
        "interaction": "displayTextAndPIN",
        "text": text,
        "verificationCode": code,
        "digest": null,
        "createdAt": 1_795_000_000,
        "expiresAt": 1_795_000_120,
        "expiresInSeconds": 120,
    })
}

/// A request for the signing certificate, which needs no PIN.
pub fn certificate(id: &str, name: &str) -> Value {
    let mut request = login(id, name, "", "");
    for absent in ["purpose", "interaction", "verificationCode"] {
        request[absent] = Value::Null;
    }
    request
}

/// A login request whose code is to be chosen.
pub fn choice(id: &str, name: &str, codes: [&str; 3]) -> Value {
    let mut request = login(id, name, "Log in", "");
    request["interaction"] = json!("confirmationMessageAndVerificationCodeChoice");
    request["verificationCode"] = Value::Null;
    request["codeChoice"] = json!(codes);
    request
}

impl FakeDaemon {
    pub async fn start(bus: &Bus) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let connection = bus.connect().await;
        let object = Object(Arc::clone(&state));
        connection.object_server().at(PATH, object).await.unwrap();
        connection.request_name(INTERFACE).await.unwrap();
        Self { state, connection }
    }

    /// Leaves the bus.
    pub async fn stop(self) {
        self.connection.close().await.unwrap();
    }

    pub async fn subscribed(&self) {
        eventually("a subscriber", async || {
            !self.state.lock().unwrap().subscribers.is_empty()
        })
        .await;
    }

    /// Puts a transaction up without telling anyone.
    pub fn keep(&self, transaction: Value) {
        self.state.lock().unwrap().pending.push(transaction);
    }

    pub async fn offer(&self, transaction: Value) {
        let id = transaction["id"].as_str().unwrap().to_owned();
        self.keep(transaction);
        self.tell("Offered", &(id,)).await;
    }

    pub async fn withdraw(&self, id: &str, reason: &str) {
        self.state
            .lock()
            .unwrap()
            .pending
            .retain(|one| one["id"] != id);
        self.tell("Withdrawn", &(id, reason)).await;
    }

    /// To each subscriber by itself, as the real daemon does.
    async fn tell<B>(&self, signal: &str, body: &B)
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let subscribers = self.state.lock().unwrap().subscribers.clone();
        for subscriber in subscribers {
            self.connection
                .emit_signal(Some(subscriber.as_str()), PATH, INTERFACE, signal, body)
                .await
                .unwrap();
        }
    }

    /// What the next PINs lead to; after these, they are accepted.
    pub fn judge(&self, verdicts: impl IntoIterator<Item = Value>) {
        self.state.lock().unwrap().verdicts.extend(verdicts);
    }

    /// How the PIN stands before it is asked for.
    pub fn stand(&self, standing: Value) {
        self.state.lock().unwrap().standing = Some(standing);
    }

    /// Which pick is right; any other ends its transaction.
    pub fn expect_code(&self, code: &str) {
        self.state.lock().unwrap().right_code = Some(code.to_owned());
    }

    pub fn picked(&self) -> Vec<String> {
        self.state.lock().unwrap().picked.clone()
    }

    pub fn pins(&self) -> Vec<String> {
        self.state.lock().unwrap().pins.clone()
    }

    pub fn refused(&self) -> Vec<String> {
        self.state.lock().unwrap().refused.clone()
    }

    pub fn consented(&self) -> Vec<String> {
        self.state.lock().unwrap().consented.clone()
    }

    /// So many colleagues must agree before a PIN is taken.
    pub fn want_others(&self, missing: u8) {
        self.state.lock().unwrap().others_missing = missing;
    }

    pub fn agreed(&self) -> Vec<String> {
        self.state.lock().unwrap().agreed.clone()
    }

    pub fn disowned(&self) -> Vec<String> {
        self.state.lock().unwrap().disowned.clone()
    }

    pub fn begun(&self) -> Vec<String> {
        self.state.lock().unwrap().begun.clone()
    }
}
