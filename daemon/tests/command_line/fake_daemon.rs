//! A daemon without keys: it answers what a test wants and keeps what it is told.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use symbolon_daemon::bus::fault::{Fault, FaultKind};
use symbolon_daemon::bus::{BUS_NAME, OBJECT_PATH};
use zbus::message::Header;
use zbus::names::OwnedErrorName;
use zbus::zvariant::OwnedFd;
use zbus::{Connection, Message};

/// One call and what came with it, secrets read.
pub type Call = Vec<String>;

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    subscribers: Vec<String>,
    answers: HashMap<&'static str, Vec<Result<Value, Fault>>>,
}

pub struct FakeDaemon {
    state: Arc<Mutex<State>>,
    connection: Connection,
}

struct Object(Arc<Mutex<State>>);

/// A fault on its way into a D-Bus error.
#[derive(Debug)]
struct Error(Fault);

impl zbus::DBusError for Error {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let name = OwnedErrorName::try_from(self.0.kind.error_name())?;
        Message::error(call, name)?.build(&(&self.0.text,))
    }

    fn name(&self) -> zbus::names::ErrorName<'_> {
        self.0.kind.error_name().try_into().unwrap()
    }

    fn description(&self) -> Option<&str> {
        Some(&self.0.text)
    }
}

impl Object {
    fn take(&self, member: &'static str, arguments: &[&str]) -> Result<String, Error> {
        let mut state = self.0.lock().unwrap();
        let call = std::iter::once(&member).chain(arguments);
        state.calls.push(call.map(ToString::to_string).collect());
        let answers = state.answers.get_mut(member);
        let answer = match answers {
            // The last answer stands for all further calls.
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            None => Err(Fault::new(
                FaultKind::Failed,
                format!("{member} was not expected"),
            )),
        };
        answer.map(|value| value.to_string()).map_err(Error)
    }
}

fn read(secret: OwnedFd) -> String {
    let mut text = String::new();
    File::from(std::os::fd::OwnedFd::from(secret))
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[zbus::interface(name = "org.symbolon.Symbolon1")]
impl Object {
    async fn list_accounts(&self) -> Result<String, Error> {
        self.take("ListAccounts", &[])
    }

    async fn list_pending(&self) -> Result<String, Error> {
        self.take("ListPending", &[])
    }

    async fn status(&self) -> Result<String, Error> {
        self.take("Status", &[])
    }

    async fn history(&self, document_number: &str, limit: u32) -> Result<String, Error> {
        self.take("History", &[document_number, &limit.to_string()])
    }

    async fn doctor(&self) -> Result<String, Error> {
        self.take("Doctor", &[])
    }

    async fn enrol(
        &self,
        service: &str,
        code: OwnedFd,
        device_name: &str,
        pin1: OwnedFd,
        pin2: OwnedFd,
    ) -> Result<String, Error> {
        let (code, pin1, pin2) = (read(code), read(pin1), read(pin2));
        self.take("Enrol", &[service, &code, device_name, &pin1, &pin2])
    }

    async fn begin_approval(&self, transaction: &str) -> Result<String, Error> {
        self.take("BeginApproval", &[transaction])
    }

    async fn consent(&self, transaction: &str) -> Result<String, Error> {
        self.take("Consent", &[transaction])
    }

    async fn agree(&self, transaction: &str) -> Result<String, Error> {
        self.take("Agree", &[transaction])
    }

    async fn choose_code(&self, transaction: &str, code: &str) -> Result<String, Error> {
        self.take("ChooseCode", &[transaction, code])
    }

    async fn disown(&self, transaction: &str) -> Result<(), Error> {
        self.take("Disown", &[transaction]).map(|_| ())
    }

    async fn approve(&self, transaction: &str, pin: OwnedFd) -> Result<String, Error> {
        self.take("Approve", &[transaction, &read(pin)])
    }

    async fn refuse(&self, transaction: &str) -> Result<(), Error> {
        self.take("Refuse", &[transaction]).map(|_| ())
    }

    async fn change_pin(
        &self,
        document_number: &str,
        purpose: &str,
        old: OwnedFd,
        new: OwnedFd,
    ) -> Result<String, Error> {
        let (old, new) = (read(old), read(new));
        self.take("ChangePin", &[document_number, purpose, &old, &new])
    }

    async fn delete(&self, document_number: &str) -> Result<(), Error> {
        self.take("Delete", &[document_number]).map(|_| ())
    }

    async fn subscribe(&self, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().unwrap().to_string();
        self.0.lock().unwrap().subscribers.push(sender);
    }
}

impl FakeDaemon {
    pub async fn start(connection: Connection) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let object = Object(Arc::clone(&state));
        connection
            .object_server()
            .at(OBJECT_PATH, object)
            .await
            .unwrap();
        connection.request_name(BUS_NAME).await.unwrap();
        Self { state, connection }
    }

    /// The next answer to this method; the last one stands.
    pub fn answers(&self, member: &'static str, answer: Value) {
        self.queue(member, Ok(answer));
    }

    pub fn fails(&self, member: &'static str, kind: FaultKind, text: &str) {
        self.queue(member, Err(Fault::new(kind, text)));
    }

    fn queue(&self, member: &'static str, answer: Result<Value, Fault>) {
        let mut state = self.state.lock().unwrap();
        state.answers.entry(member).or_default().push(answer);
    }

    /// Tells all subscribers that a transaction ended.
    pub async fn withdraws(&self, transaction: &str, reason: &str) {
        self.tells("Withdrawn", &(transaction, reason)).await;
    }

    /// Sends all subscribers a signal.
    pub async fn tells<B>(&self, signal: &str, body: &B)
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let subscribers = self.state.lock().unwrap().subscribers.clone();
        for subscriber in subscribers {
            self.connection
                .emit_signal(
                    Some(subscriber.as_str()),
                    OBJECT_PATH,
                    BUS_NAME,
                    signal,
                    body,
                )
                .await
                .unwrap();
        }
    }

    /// Leaves the bus's name, as a daemon that ends, and forgets who subscribed.
    pub async fn goes(&self) {
        self.connection.release_name(BUS_NAME).await.unwrap();
        self.state.lock().unwrap().subscribers.clear();
    }

    /// Takes the name again, as a daemon that starts.
    pub async fn comes_back(&self) {
        self.connection.request_name(BUS_NAME).await.unwrap();
    }

    /// The calls of this method, each with its arguments.
    pub fn calls(&self, member: &str) -> Vec<Call> {
        let state = self.state.lock().unwrap();
        let calls = state.calls.iter().filter(|call| call[0] == member);
        calls.map(|call| call[1..].to_vec()).collect()
    }

    /// The names of all calls, in order.
    pub fn order(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.calls.iter().map(|call| call[0].clone()).collect()
    }

    /// Offers transactions, in the list and one by one; PINs have three tries.
    pub fn offers(&self, transactions: &[Value]) {
        self.answers(
            "ListPending",
            json!({"transactions": transactions, "notAsked": []}),
        );
        for transaction in transactions {
            self.answers(
                "BeginApproval",
                json!({"transaction": transaction, "pin": {"state": "open", "triesLeft": 3}}),
            );
        }
    }
}

pub const DOCUMENT: &str = "PNOEE-30303039914-MOCK-Q";
pub const FIRST: &str = "0a000000-0000-4000-8000-000000000001";
pub const SECOND: &str = "0b000000-0000-4000-8000-000000000002";

/// A login request as the daemon tells it.
pub fn login(id: &str, name: &str, code: &str) -> Value {
    json!({
        "id": id,
        "documentNumber": DOCUMENT,
        "purpose": "authentication",
        "relyingPartyName": name,
        "brokeredRelyingPartyName": null,
        "interaction": "displayTextAndPIN",
        "text": "Log in to the bank",
        "verificationCode": code,
        "digest": null,
        "createdAt": 1_795_000_000,
        "expiresAt": 1_795_000_120,
        "expiresInSeconds": 119,
    })
}

/// A request for the signing certificate, which needs no PIN.
pub fn certificate(id: &str, name: &str) -> Value {
    let mut request = login(id, name, "");
    for absent in ["purpose", "interaction", "verificationCode"] {
        request[absent] = Value::Null;
    }
    request["text"] = json!("");
    request
}

/// A login request whose code is to be chosen.
pub fn choice(id: &str, name: &str, codes: [&str; 3]) -> Value {
    let mut request = login(id, name, "");
    request["interaction"] = json!("confirmationMessageAndVerificationCodeChoice");
    request["verificationCode"] = Value::Null;
    request["codeChoice"] = json!(codes);
    request
}

/// An account as the daemon tells it.
pub fn account(document: &str) -> Value {
    json!({
        "documentNumber": document,
        "person": "PNOEE-30303039914",
        "givenName": "MARI",
        "surname": "MAASIKAS",
        "level": "QUALIFIED",
        "service": "demo",
        "deviceName": "laptop",
        "owner": 1000,
        "enrolledAt": 1_795_000_000,
        "pin1": {"state": "open", "triesLeft": 3},
        "pin2": {
            "state": "locked", "by": "signing", "until": 1_795_010_800, "remainingSeconds": 10_800
        },
        "connection": {"state": "connected", "since": 1_795_000_000, "longPoll": false},
    })
}
