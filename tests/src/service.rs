//! The co-signing service: the real program on a SoftHSM2 token and a SQLite store of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use sqlx::{AnyConnection, Connection};

use crate::clock::Clock;
use crate::eventually::SOON;
use crate::folder::{Folder, Image};
use crate::obstinate::Obstinate;
use crate::openssl::Trust;
use crate::process::{Running, program};
use crate::ready::ReadySocket;
use crate::relying_party::RelyingParty;
use crate::token::{Token, TokenAt};

/// The first field of every signed payload here.
pub const SCHEME: &str = "smart-id-demo";

/// The relying party that every service of the rig knows.
pub const RELYING_PARTY: (&str, &str) = ("00000000-0000-4000-8000-000000000000", "DEMO");

/// Pre-generated service shares: enough for a few accounts, even where some do not fit.
const SHARES: &str = "12";

/// What differs between one test's service and another's.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a person has to answer.
    pub session_lifetime_seconds: u32,
    /// More lines of the section `[relying_party]`.
    pub relying_party: String,
    /// Whether the obstinate module stands before the token. Only a test program that depends on
    /// the module has it beside it.
    pub obstinate: bool,
    /// More lines of the section `[hsm]`.
    pub hsm: String,
    /// More of `service.toml`, as whole sections.
    pub more: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session_lifetime_seconds: 120,
            relying_party: String::new(),
            obstinate: false,
            hsm: String::new(),
            more: String::new(),
        }
    }
}

/// A service's data: configuration, token, store, certificates.
pub struct ServiceFolder {
    path: PathBuf,
    logs: PathBuf,
    token: Token,
    token_at: TokenAt,
}

impl ServiceFolder {
    /// One whose keys, certificates, pool of shares and relying party exist, in `path`.
    pub fn prepared(path: &Path, logs: &Path, options: &Options) -> Self {
        static BASE: OnceLock<Image> = OnceLock::new();
        BASE.get_or_init(make_base).write_to(path);
        Self::open(path, logs, options)
    }

    /// One that is in `path` already.
    pub fn open(path: &Path, logs: &Path, options: &Options) -> Self {
        let token = Token::open(&path.join("hsm"));
        let token_at = match options.obstinate {
            true => Obstinate::before(&token).at(),
            false => token.at(),
        };
        let folder = Self {
            path: path.into(),
            logs: logs.into(),
            token,
            token_at,
        };
        std::fs::write(folder.configuration(), folder.configuration_text(options)).unwrap();
        folder
    }

    /// Runs one of the program's commands to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command().args(arguments).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(out)
        } else {
            Err(format!("{arguments:?}: {}\n{out}{err}", output.status))
        }
    }

    /// [`ServiceFolder::run`] that must succeed.
    pub fn must(&self, arguments: &[&str]) -> String {
        self.run(arguments)
            .unwrap_or_else(|told| panic!("symbolon-service {told}"))
    }

    /// Registers a relying party for both versions of the API, at addresses of this network.
    pub fn add_relying_party(&self, uuid: &str, name: &str, network: &str) {
        let who = ["rp", "add", "--uuid", uuid, "--name", name];
        self.must(&[&who[..], &["--network", network, "--allow-v2"]].concat());
    }

    /// A clerk's one-time code for an identified person.
    pub fn invite(&self, person: &str, given_name: &str, surname: &str) -> String {
        let told = self.must(&[
            "enrol",
            "invite",
            "--person",
            person,
            "--given-name",
            given_name,
            "--surname",
            surname,
            "--json",
        ]);
        let told: Value = serde_json::from_str(&told).unwrap();
        told["code"].as_str().expect("a code").to_owned()
    }

    /// How an account stands by the service's own list.
    pub fn account(&self, document_number: &str) -> Value {
        let told = self.must(&["account", "list", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let mut accounts = told.as_array().expect("a list").iter();
        accounts
            .find(|account| account["documentNumber"] == document_number)
            .unwrap_or_else(|| panic!("no {document_number} in {told}"))
            .clone()
    }

    /// The certificates that relying parties and devices trust.
    pub fn trust(&self) -> Trust {
        Trust {
            root: self.path.join("root.pem"),
            issuing: self.path.join("issuing.pem"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the configuration is.
    pub fn configuration(&self) -> PathBuf {
        self.path.join("service.toml")
    }

    /// Its token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Where the store is.
    pub fn store(&self) -> PathBuf {
        self.path.join("service.db")
    }

    /// Does something in the store itself; only reading, if a service runs.
    pub fn in_store(&self, act: impl AsyncFnOnce(&mut AnyConnection)) {
        let url = format!("sqlite://{}", self.store().display());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            sqlx::any::install_default_drivers();
            let mut store = AnyConnection::connect(&url).await.unwrap();
            act(&mut store).await;
            store.close().await.unwrap();
        });
    }

    /// The program with this folder's configuration and token.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program("symbolon-service"));
        command
            .arg("--config")
            .arg(self.configuration())
            .envs(self.token_at.environment.iter().cloned());
        command
    }

    fn configuration_text(&self, options: &Options) -> String {
        let mut text = format!(
            "scheme_name = \"{SCHEME}\"\nsession_lifetime_seconds = {}\n",
            options.session_lifetime_seconds
        );
        for (section, lines) in [
            (
                "relying_party",
                format!(
                    "listen = \"127.0.0.1:0\"\nprefix_v2 = \"/v2\"\n{}",
                    options.relying_party
                ),
            ),
            // What is measured or tried here comes from one address, as fast as it can.
            (
                "relying_party.limits",
                "party = { per_second = 0, burst = 0 }\nperson = { per_second = 0, burst = 0 }\nsource = { per_second = 0, burst = 0 }"
                    .to_owned(),
            ),
            (
                "device",
                "listen = \"127.0.0.1:0\"\npublic_url = \"https://localhost\"".to_owned(),
            ),
            (
                "store",
                format!("url = \"sqlite://{}?mode=rwc\"", self.store().display()),
            ),
            (
                "hsm",
                format!(
                    "{}pin_file = \"{}\"\n{}",
                    self.token_at.settings(),
                    self.token_at.pin_file.display(),
                    options.hsm
                ),
            ),
            ("certificates", self.certificate_profile()),
        ] {
            write!(text, "\n[{section}]\n{lines}\n").unwrap();
        }
        text + &options.more
    }

    fn certificate_profile(&self) -> String {
        let names = "server_names = [\"localhost\", \"127.0.0.1\"]";
        let mut text = format!(
            "profile = \"smart-id-compatible\"\ndirectory = \"{}\"\n{names}\n",
            self.path.join("certificates").display()
        );
        for (name, file) in [("issuer", "ca.cer"), ("ocsp", "ocsp"), ("crl", "ca.crl")] {
            writeln!(text, "{name}_url = \"http://symbolon.invalid/{file}\"").unwrap();
        }
        text
    }
}

/// A running service.
pub struct Service {
    folder: ServiceFolder,
    clock: Option<Clock>,
    process: Running,
    ready: ReadySocket,
    relying_party_address: SocketAddr,
    device_address: SocketAddr,
}

impl Service {
    /// Serves what is in `folder`, under `clock` if there is one.
    pub fn start(folder: ServiceFolder, clock: Option<Clock>) -> Self {
        let (process, ready, addresses) = launch(&folder, clock.as_ref(), None);
        Self {
            folder,
            clock,
            process,
            ready,
            relying_party_address: addresses.0,
            device_address: addresses.1,
        }
    }

    /// Its data.
    pub fn folder(&self) -> &ServiceFolder {
        &self.folder
    }

    /// Where the RP API is.
    pub fn relying_party_address(&self) -> SocketAddr {
        self.relying_party_address
    }

    /// Where the device API is.
    pub fn device_address(&self) -> SocketAddr {
        self.device_address
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// Its clock.
    ///
    /// # Panics
    /// If it was started without one.
    pub fn clock(&mut self) -> &mut Clock {
        self.clock.as_mut().expect("this rig has a moved clock")
    }

    /// The relying party that it knows.
    pub fn relying_party(&self) -> RelyingParty {
        let (uuid, name) = RELYING_PARTY;
        RelyingParty::new(&self.relying_party_address.to_string(), uuid, name)
    }

    /// Starts it again, after it was stopped or killed, at the same addresses.
    pub fn restart(&mut self) {
        self.process.kill9();
        let at = (self.relying_party_address, self.device_address);
        let (process, ready, _) = launch(&self.folder, self.clock.as_ref(), Some(at));
        self.process = process;
        self.ready = ready;
    }
}

/// Starts it at given addresses or at free ones.
fn launch(
    folder: &ServiceFolder,
    clock: Option<&Clock>,
    at: Option<(SocketAddr, SocketAddr)>,
) -> (Running, ReadySocket, (SocketAddr, SocketAddr)) {
    let addresses = folder.path.join("addresses.json");
    std::fs::remove_file(&addresses).ok();
    let configuration = folder.configuration();
    let text = std::fs::read_to_string(&configuration).unwrap();
    if let Some((relying_party, device)) = at {
        let listening = text
            .replacen("127.0.0.1:0", &relying_party.to_string(), 1)
            .replacen("127.0.0.1:0", &device.to_string(), 1);
        std::fs::write(&configuration, listening).unwrap();
    }
    let mut command = folder.command();
    command.arg("serve").arg("--addresses-file").arg(&addresses);
    if let Some(clock) = clock {
        clock.rules(&mut command);
    }
    let ready = ReadySocket::listen(&folder.path, "service", &mut command);
    let mut process = Running::start("service", &folder.logs, &mut command);
    let bound = process.wait_until_ready(SOON, || {
        let text = std::fs::read_to_string(&addresses).ok()?;
        let bound: Value = serde_json::from_str(&text).ok()?;
        let address = |name: &str| bound[name].as_str()?.parse::<SocketAddr>().ok();
        Some((address("relyingParty")?, address("device")?))
    });
    ready.wait(&mut process);
    (process, ready, bound)
}

/// Makes what every service of a test process starts from: it takes seconds, so it is made once.
fn make_base() -> Image {
    let folder = Folder::new("service-base");
    let path = folder.sub("service");
    Token::create(&path.join("hsm"));
    let service = ServiceFolder::open(&path, &folder.logs(), &Options::default());
    service.must(&["init"]);
    service.must(&["shares", "generate", "--count", SHARES]);
    let (uuid, name) = RELYING_PARTY;
    service.add_relying_party(uuid, name, "127.0.0.0/8");
    for (which, file) in [
        ("--root", service.trust().root),
        ("--issuing", service.trust().issuing),
    ] {
        let certificate = service.must(&["certificates", "export", which]);
        std::fs::write(file, certificate).unwrap();
    }
    Image::of(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relying_party::shown_with_pin;
    use crate::requirements;
    use crate::rig::USUAL;

    #[test]
    fn serves_relying_parties_from_its_own_copy() {
        if !requirements::met() {
            return;
        }
        let folder = Folder::new("service");
        let data =
            ServiceFolder::prepared(&folder.sub("service"), &folder.logs(), &Options::default());
        let mut service = Service::start(data, None);
        let nobody = "authentication/notification/etsi/PNOEE-40504040001";
        for _ in 0..2 {
            let relying_party = service.relying_party();
            let body = relying_party.login_body(USUAL, &shown_with_pin("Log in?"));
            relying_party.post(nobody, &body).must_be(404);
            service.restart();
        }
        assert!(service.process().stop().success());
    }
}
