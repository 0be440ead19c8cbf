//! The program as it is installed, over a test's own token and folder.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use symbolon_service::store::Store;

use crate::http::{self, SOON};
use crate::softhsm::{LABEL, PIN, TokenHouse};

pub(crate) const RELYING_PARTY: &str = "00000000-0000-4000-8000-000000000000";
pub(crate) const DOCUMENT: &str = "PNOEE-40504040001-DEMA-Q";

/// A folder with configuration, token and store, on which the program's commands run.
pub(crate) struct Installation {
    folder: PathBuf,
}

impl Installation {
    /// With keys, certificates, a relying party and an account that no device stands behind.
    pub(crate) fn prepared(house: &TokenHouse) -> Self {
        let installation = Self::bare(house);
        installation.must(&["init"]);
        let add = ["rp", "add", "--name", "DEMO", "--network", "127.0.0.0/8"];
        installation.must(&[&add[..], &["--uuid", RELYING_PARTY, "--allow-v2"]].concat());
        installation.add_account();
        installation
    }

    /// With a configuration and an empty token.
    pub(crate) fn bare(house: &TokenHouse) -> Self {
        let folder = house.folder().to_owned();
        let pin_file = folder.join("pin");
        std::fs::write(&pin_file, PIN).unwrap();
        std::fs::set_permissions(&pin_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let installation = Self { folder };
        installation.configure(&format!(
            "scheme_name = 'smart-id-demo'\n\
             [relying_party]\nlisten = '127.0.0.1:0'\n\
             [device]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\n\
             [store]\nurl = 'sqlite://{store}?mode=rwc'\n\
             [hsm]\nmodule = '{module}'\ntoken = '{LABEL}'\npin_file = '{pin}'\n\
             [certificates]\nprofile = 'smart-id-compatible'\ndirectory = '{certificates}'\n\
             issuer_url = 'http://symbolon.invalid/ca'\nocsp_url = 'http://symbolon.invalid/ocsp'\n\
             crl_url = 'http://symbolon.invalid/crl'\n",
            store = installation.path("service.db").display(),
            module = house.module().display(),
            pin = pin_file.display(),
            certificates = installation.path("certificates").display(),
        ));
        installation
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn configuration(&self) -> String {
        std::fs::read_to_string(self.path("service.toml")).unwrap()
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.path("service.toml"), text).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed.
    pub(crate) fn must(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon-service"));
        command
            .arg("--config")
            .arg(self.path("service.toml"))
            .args(arguments)
            .env_remove("JOURNAL_STREAM")
            .env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    fn add_account(&self) {
        let url = format!("sqlite://{}", self.path("service.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = Store::open(&url).await.unwrap();
            store
                .write(|connection| {
                    Box::pin(async move {
                        sqlx::query(
                            "INSERT INTO account (document_number, person, given_name, surname, \
                             level, device_key, device_name, attestation_key, hardware, state, \
                             token_hash, event_cursor, acknowledged_cursor, created_at, expires_at) \
                             VALUES ($1, 'PNOEE-40504040001', 'OK', 'TEST', 'QUALIFIED', 'none', \
                             'laptop', X'00', 'tpm', 'open', 'none', 0, 0, 0, $2)",
                        )
                        .bind(DOCUMENT)
                        .bind(i64::MAX)
                        .execute(connection)
                        .await?;
                        Ok(())
                    })
                })
                .await
                .unwrap();
            store.close().await;
        });
    }

    /// Serves, and returns once it says that it is ready.
    pub(crate) fn serve(&self) -> Serving {
        let addresses_file = self.path("addresses.json");
        let socket_path = self.path("notify");
        std::fs::remove_file(&socket_path).ok();
        std::fs::remove_file(&addresses_file).ok();
        let socket = UnixDatagram::bind(&socket_path).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let log = self.path("log");
        let child = self
            .command(&["serve", "--addresses-file"])
            .arg(&addresses_file)
            .env("NOTIFY_SOCKET", &socket_path)
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut serving = Serving {
            child,
            socket,
            log,
            relying_parties: SocketAddr::from(([0, 0, 0, 0], 0)),
            devices: SocketAddr::from(([0, 0, 0, 0], 0)),
            addresses: Value::Null,
        };
        serving.await_state("READY=1");
        let text = std::fs::read_to_string(&addresses_file).unwrap();
        let bound: Value = serde_json::from_str(&text).unwrap();
        let address = |name: &str| bound[name].as_str().unwrap().parse().unwrap();
        serving.relying_parties = address("relyingParty");
        serving.devices = address("device");
        serving.addresses = bound;
        serving
    }
}

/// The program while it serves; killed on drop.
pub(crate) struct Serving {
    child: Child,
    socket: UnixDatagram,
    log: PathBuf,
    pub(crate) relying_parties: SocketAddr,
    pub(crate) devices: SocketAddr,
    /// All listeners, by name.
    pub(crate) addresses: Value,
}

impl Serving {
    /// Opens a login, and returns its session's path.
    pub(crate) fn login(&self) -> String {
        let body = json!({
            "relyingPartyUUID": RELYING_PARTY,
            "relyingPartyName": "DEMO",
            "signatureProtocol": "ACSP_V2",
            "signatureProtocolParameters": {
                "rpChallenge": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": {"hashAlgorithm": "SHA3-512"}
            },
            "interactions":
                "W3sidHlwZSI6ImNvbmZpcm1hdGlvbk1lc3NhZ2UiLCJkaXNwbGF5VGV4dDIwMCI6IkxvZ2luPyJ9XQ==",
            "vcType": "numeric4"
        });
        let path = format!("/v3/authentication/notification/document/{DOCUMENT}");
        let answer = http::post(self.relying_parties, &path, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.body["sessionID"].as_str().unwrap();
        format!("/v3/session/{session}?timeoutMs=120000")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_child(&self.child);
        kill_process(process, signal).unwrap();
    }

    /// Waits until the service manager is told `state`.
    pub(crate) fn await_state(&mut self, state: &str) {
        let deadline = Instant::now() + SOON;
        self.socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut message = [0; 4096];
        while Instant::now() < deadline {
            if let Ok(length) = self.socket.recv(&mut message) {
                let text = String::from_utf8_lossy(&message[..length]);
                if text.lines().any(|line| line == state) {
                    return;
                }
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
        }
        panic!("no {state}: {}", self.log());
    }

    /// Waits until the program has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has logged `text`.
    pub(crate) fn await_log(&self, text: &str) {
        let deadline = Instant::now() + SOON;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}
