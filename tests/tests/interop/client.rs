//! One run of a client's program.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use symbolon_tests::connect_proxy::ConnectProxy;
use symbolon_tests::rig::Rig;
use symbolon_tests::service::{RELYING_PARTY, SCHEME};

/// The only host for which the client checks certificates against authorities that it is given.
const HOST: &str = "sid.demo.sk.ee";

/// What a client of version 3 needs to reach a rig's service.
pub(crate) struct Clients {
    proxy: ConnectProxy,
    trusted: [String; 2],
}

/// A flow under way. Its process ends with it.
pub(crate) struct Flow {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    pub(crate) fn of(rig: &Rig) -> Self {
        let folder = rig.folder.sub("proxy");
        let trust = rig.service.folder().trust();
        Self {
            proxy: ConnectProxy::start(&folder, HOST, rig.service.relying_party_address()),
            trusted: [base64_of(&trust.root), base64_of(&trust.issuing)],
        }
    }

    /// Begins a flow as the relying party that the service knows.
    pub(crate) fn begin(&self, flow: &str, document: &str) -> Flow {
        self.begin_as(RELYING_PARTY.0, flow, document)
    }

    /// Begins a flow as any relying party.
    pub(crate) fn begin_as(&self, uuid: &str, flow: &str, document: &str) -> Flow {
        let mut command = program("symbolon-interop-rust-client");
        command
            .args([flow, document])
            .env("HTTPS_PROXY", self.proxy.url())
            .env("SSL_CERT_FILE", self.proxy.root())
            .env("SMART_ID_ROOT_URL", format!("https://{HOST}"))
            .env("SMART_ID_V3_API_PATH", "/v3")
            .env("SMART_ID_SCHEME_NAME", SCHEME)
            .env("RELYING_PARTY_UUID", uuid)
            .env("RELYING_PARTY_NAME", RELYING_PARTY.1)
            .env("CLIENT_LONG_POLLING_TIMEOUT_MILLIS", "60000")
            .env("TRUSTED_ROOT", &self.trusted[0])
            .env("TRUSTED_ISSUING", &self.trusted[1]);
        Flow::begin(command)
    }
}

/// Begins a flow of the client of version 2, which takes any address.
pub(crate) fn begin_v2(rig: &Rig, flow: &str, identifier: &str) -> Flow {
    let address = rig.service.relying_party_address();
    let mut command = program("symbolon-interop-rust-client-v2");
    command
        .args([flow, identifier])
        .env("HOST_URL", format!("http://{address}/v2"))
        .env("RELYING_PARTY_UUID", RELYING_PARTY.0)
        .env("RELYING_PARTY_NAME", RELYING_PARTY.1)
        .env("CLIENT_REQ_NETWORK_TIMEOUT_MILLIS", "70000")
        .env("CLIENT_REQ_MAX_ATTEMPTS", "2")
        .env("CLIENT_REQ_DELAY_SEONDS_BETWEEN_ATTEMPTS", "1")
        .env("ENABLE_POLLING_BY_LIB", "true");
    Flow::begin(command)
}

fn program(name: &str) -> Command {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop/debug");
    Command::new(built.join(name))
}

impl Flow {
    pub(crate) fn begin(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `make interop`"));
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The verification code that the client shows.
    pub(crate) fn code(&mut self) -> String {
        let told = self.told();
        let code = told["verificationCode"].as_str();
        code.unwrap_or_else(|| panic!("no code: {told}")).into()
    }

    /// The device link that the client shows.
    pub(crate) fn link(&mut self) -> String {
        let told = self.told();
        let link = told["deviceLink"].as_str();
        link.unwrap_or_else(|| panic!("no link: {told}")).into()
    }

    /// What the client got, after all that it checks.
    pub(crate) fn result(mut self) -> Value {
        let told = self.told();
        assert!(told["ok"].is_object(), "{told}");
        told["ok"].clone()
    }

    /// The client's error, by its own name for it.
    pub(crate) fn error(mut self) -> String {
        let told = self.told();
        let error = told["error"].as_str();
        error.unwrap_or_else(|| panic!("no error: {told}")).into()
    }

    /// The next that it says.
    pub(crate) fn told(&mut self) -> Value {
        let line = self.lines.next().expect("the client says how it went");
        serde_json::from_str(&line.unwrap()).unwrap()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The octets of a Base64 field of a result.
pub(crate) fn octets(result: &Value, name: &str) -> Vec<u8> {
    let text = result[name].as_str();
    let text = text.unwrap_or_else(|| panic!("no {name} in {result}"));
    STANDARD.decode(text).unwrap()
}

/// What is between a PEM file's two lines.
fn base64_of(pem: &Path) -> String {
    let text = std::fs::read_to_string(pem).unwrap();
    let lines = text.lines();
    lines.filter(|line| !line.starts_with('-')).collect()
}
