//! One device of a person: a TPM, a bus, the daemon and the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::bus::Bus;
use crate::cli::{Cli, Said, code};
use crate::daemon::{Daemon, SERVICE_NAME, Surroundings};
use crate::eventually::{SOON, eventually};
use crate::folder;
use crate::obstinate::Obstinate;
use crate::process::{Running, Somebody, by, copy_of_program};
use crate::swtpm::{self, Swtpm};
use crate::token::{Token, TokenAt};
use crate::tpm_proxy::TpmProxy;
use crate::view::View;

/// Where a device finds its service.
#[derive(Debug, Clone)]
pub struct ServiceAt {
    /// The device API, `https://…`.
    pub url: String,
    /// The root certificate, PEM.
    pub root: PathBuf,
}

/// What differs between one test's device and another's.
#[derive(Debug, Clone, Default)]
pub struct DeviceOptions {
    /// Whether a tap stands before the TPM.
    pub tap: bool,
    /// Which PKCS#11 token holds the shares; the TPM then has nothing to do.
    pub token: TokenChoice,
    /// Whether the daemon logs all that it has to say.
    pub verbose: bool,
    /// The user that the daemon runs as, if it is not the test's own. Only root can do that.
    pub daemon_user: Option<u32>,
    /// The files that it sees otherwise than the test.
    pub daemon_view: View,
}

/// Which token holds a device's shares.
#[derive(Debug, Clone, Default)]
pub enum TokenChoice {
    /// None: the TPM does.
    #[default]
    None,
    /// One of SoftHSM2.
    Soft,
    /// The same behind the obstinate module.
    Obstinate,
    /// One that is there already.
    At(TokenAt),
}

/// A person's device. Its parts end in the order in which they stand here.
pub struct Device {
    /// The daemon.
    pub daemon: Daemon,
    /// The tap before the TPM, where there is one.
    pub tpm_proxy: Option<TpmProxy>,
    /// The TPM.
    pub swtpm: Swtpm,
    /// The command line.
    pub cli: Cli,
    bus: Bus,
    folder: PathBuf,
    logs: PathBuf,
}

impl Device {
    /// Starts one on what `folder` holds, which may be nothing or a copy of another device.
    pub fn start(folder: &Path, logs: &Path, service: ServiceAt, options: DeviceOptions) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::create_dir_all(logs).unwrap();
        let swtpm = Swtpm::start(&folder.join("tpm"), logs);
        let tpm_proxy = options.tap.then(|| TpmProxy::start(swtpm.port()));
        let bus = Bus::start(folder, logs, options.daemon_user);
        let port = tpm_proxy.as_ref().map_or(swtpm.port(), TpmProxy::port);
        let token = match options.token {
            TokenChoice::None => None,
            TokenChoice::Soft => Some(soft_token(folder).at()),
            TokenChoice::At(token) => Some(token),
            TokenChoice::Obstinate => Some(Obstinate::before(&soft_token(folder)).at()),
        };
        let daemon = Daemon::start(
            folder,
            logs,
            Surroundings {
                tcti: swtpm::tcti(port),
                bus: bus.address(),
                service_url: service.url,
                service_root: service.root,
                token,
                asked_pin: false,
                verbose: options.verbose,
                user: options.daemon_user.map(Somebody::alone),
                view: options.daemon_view,
            },
        );
        Self {
            daemon,
            tpm_proxy,
            swtpm,
            cli: Cli::new(&bus.address(), logs),
            bus,
            folder: folder.into(),
            logs: logs.into(),
        }
    }

    /// Where its state is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The bus's address.
    pub fn bus_address(&self) -> String {
        self.bus.address()
    }

    /// Its token.
    pub fn token(&self) -> Token {
        soft_token(&self.folder)
    }

    /// The tap before its TPM.
    ///
    /// # Panics
    /// If it has none.
    pub fn tap(&self) -> &TpmProxy {
        self.tpm_proxy.as_ref().expect("a device with a tap")
    }

    /// Ends the daemon as a crash does, if it has not ended already, and starts it again.
    pub fn restart_after_crash(&mut self) {
        self.daemon.kill9();
        self.swtpm.forget_the_dead();
        self.daemon.restart();
    }

    /// Copies all that a thief of bits could take: the TPM's state and the daemon's folder.
    pub fn copy_state(&self, to: &Path) {
        self.swtpm.copy_state(&to.join("tpm"));
        folder::copy(&self.daemon.state(), &to.join("state"));
    }

    /// Enrols with a clerk's code.
    pub fn enrol(&self, code: &str, pin1: &str, pin2: &str) -> Said {
        enrol(&self.cli, code, pin1, pin2)
    }

    /// What waits for the person, as the daemon shows it.
    pub fn pending(&self) -> Vec<Value> {
        let said = self.cli.json(&["pending"], &[]).must_be(code::DONE);
        said.value()["transactions"].as_array().unwrap().clone()
    }

    /// Waits for the transaction that shows this verification code.
    pub fn wait_for(&self, verification_code: &str) -> Value {
        let what = format!("a transaction that shows {verification_code}");
        eventually(&what, SOON, || {
            let mut pending = self.pending().into_iter();
            pending.find(|transaction| transaction["verificationCode"] == verification_code)
        })
    }

    /// Waits for such a transaction, and answers with its id.
    pub fn id_of(&self, verification_code: &str) -> String {
        let transaction = self.wait_for(verification_code);
        transaction["id"].as_str().unwrap().to_owned()
    }

    /// Waits for the transaction that lets one choose among codes, this one among them.
    pub fn wait_for_choice_with(&self, verification_code: &str) -> Value {
        let what = format!("a transaction that offers {verification_code}");
        eventually(&what, SOON, || {
            let mut pending = self.pending().into_iter();
            pending.find(|transaction| {
                let codes = transaction["codeChoice"].as_array();
                codes.is_some_and(|codes| codes.iter().any(|code| code == verification_code))
            })
        })
    }

    /// Approves with the code that the relying party shows and a PIN.
    pub fn approve_with_code(&self, transaction: &str, code: &str, pin: &str) -> Said {
        let arguments = ["approve", transaction, "--code", code, "--pin-stdin"];
        self.cli.json(&arguments, &[pin])
    }

    /// Approves with a PIN.
    pub fn approve(&self, transaction: &str, pin: &str) -> Said {
        self.cli
            .json(&["approve", transaction, "--pin-stdin"], &[pin])
    }

    /// Refuses.
    pub fn refuse(&self, transaction: &str) -> Said {
        self.cli.run(&["refuse", transaction], &[])
    }

    /// How one of the PINs of an account stands: `pin1` or `pin2`.
    pub fn standing(&self, document_number: &str, pin: &str) -> Value {
        let said = self.cli.json(&["accounts"], &[]).must_be(code::DONE);
        let accounts = said.value();
        let mut accounts = accounts["accounts"].as_array().unwrap().iter();
        let account = accounts
            .find(|account| account["documentNumber"] == document_number)
            .unwrap_or_else(|| panic!("no account {document_number}: {said:?}"));
        account[pin].clone()
    }

    /// Waits until transactions are pushed to an account.
    pub fn wait_until_connected(&self, document_number: &str) {
        eventually(
            "the connection to the service",
            Duration::from_secs(60),
            || {
                let said = self.cli.json(&["accounts"], &[]).must_be(code::DONE);
                let accounts = said.value();
                let mut accounts = accounts["accounts"].as_array()?.iter();
                let account =
                    accounts.find(|account| account["documentNumber"] == document_number)?;
                (account["connection"]["state"] == "connected").then_some(())
            },
        );
    }

    /// Subscribes to the daemon's signals, as the agent does, perhaps by somebody else.
    pub fn listener(&self, user: Option<&Somebody>) -> Listener {
        let name = match user {
            Some(somebody) => format!("listener-{}", somebody.uid),
            None => "listener".to_owned(),
        };
        let folder = self.folder.join(format!("{name}-program"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = by(user, &copy_of_program("listener", &folder));
        let mut process = Running::start(&name, &self.logs, command.arg(self.bus.address()));
        let log = self.logs.join(format!("{name}.log"));
        process.wait_until_ready(SOON, || {
            let text = std::fs::read_to_string(&log).ok()?;
            text.contains("subscribed").then_some(())
        });
        Listener { process }
    }
}

/// SoftHSM2's in the device's folder, which may hold it already.
fn soft_token(folder: &Path) -> Token {
    let folder = folder.join("token");
    if folder.exists() {
        return Token::open(&folder);
    }
    std::fs::create_dir_all(&folder).unwrap();
    Token::create(&folder)
}

/// Somebody who subscribed to the daemon's signals.
pub struct Listener {
    process: Running,
}

impl Listener {
    /// The signals so far: `Offered <transaction>`, `Withdrawn <transaction> <reason>`,
    /// `AccountChanged <document number>`.
    pub fn signals(&self) -> Vec<String> {
        let log = self.process.log();
        let lines = log.lines().skip_while(|line| *line != "subscribed").skip(1);
        lines.map(str::to_owned).collect()
    }

    /// Waits for a signal that begins so.
    pub fn wait_for(&self, beginning: &str) -> String {
        eventually(&format!("the signal {beginning}"), SOON, || {
            let mut signals = self.signals().into_iter();
            signals.find(|signal| signal.starts_with(beginning))
        })
    }
}

/// [`Device::enrol`], where the device is not at hand: it is about to be killed.
pub fn enrol(cli: &Cli, code: &str, pin1: &str, pin2: &str) -> Said {
    let arguments = [
        "enrol",
        "--service",
        SERVICE_NAME,
        "--device-name",
        "test device",
        "--secrets-stdin",
    ];
    cli.json(&arguments, &[code, pin1, pin2])
}
