//! symbolond: the real program on a TPM, a bus and a service of the rig's.

use std::fmt::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;

use crate::process::{Running, Somebody, by, copy_of_program, program};
use crate::ready::ReadySocket;
use crate::token::TokenAt;
use crate::view::View;

/// The service's name in the daemon's configuration.
pub const SERVICE_NAME: &str = "demo";

/// What a daemon is connected to.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// How libtss2 reaches the TPM.
    pub tcti: String,
    /// The bus.
    pub bus: String,
    /// The device API, `https://…`.
    pub service_url: String,
    /// The root certificate, PEM, under which the service's certificate must be.
    pub service_root: PathBuf,
    /// The PKCS#11 token that holds the shares, in the place of the TPM.
    pub token: Option<TokenAt>,
    /// Whether a person has the token's PIN, and no file. Besides root, `nobody` may be that.
    pub asked_pin: bool,
    /// Whether it logs all that it has to say.
    pub verbose: bool,
    /// Who runs it, if not the test's own user.
    pub user: Option<Somebody>,
    /// The files that it sees otherwise than the test.
    pub view: View,
}

/// A daemon, running or not.
pub struct Daemon {
    folder: PathBuf,
    logs: PathBuf,
    surroundings: Surroundings,
    process: Option<(Running, ReadySocket)>,
}

impl Daemon {
    /// Starts one with its state in `folder/state`.
    pub fn start(folder: &Path, logs: &Path, surroundings: Surroundings) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut daemon = Self {
            folder: folder.into(),
            logs: logs.into(),
            surroundings,
            process: None,
        };
        daemon.restart();
        daemon
    }

    /// Its state directory.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Its account files.
    pub fn account_files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.state().join("accounts"));
        files
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter(|path| !path.to_string_lossy().contains(".confirm."))
            .collect()
    }

    /// The freshness token that it keeps for an account.
    pub fn freshness_token(&self, document_number: &str) -> String {
        let file = self
            .state()
            .join(format!("accounts/{document_number}.json"));
        let text = std::fs::read_to_string(&file).unwrap();
        let account: serde_json::Value = serde_json::from_str(&text).unwrap();
        find(&account, "freshnessToken")
            .expect("a freshness token")
            .to_owned()
    }

    /// What it is connected to; a change takes effect when it is restarted.
    pub fn surroundings(&mut self) -> &mut Surroundings {
        &mut self.surroundings
    }

    /// Its process id, for whoever kills it at a moment of their own.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> Pid {
        self.process.as_ref().expect("the daemon runs").0.pid()
    }

    /// Its process.
    ///
    /// # Panics
    /// If it does not run.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process.as_mut().expect("the daemon runs").0
    }

    /// Starts it, after ending it as a crash would if it runs.
    pub fn restart(&mut self) {
        self.kill9();
        let mut command = self.command();
        let ready = ReadySocket::listen(&self.folder, "symbolond", &mut command);
        let mut process = Running::start("symbolond", &self.logs, &mut command);
        ready.wait(&mut process);
        self.process = Some((process, ready));
    }

    /// Ends it as a crash would.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Ends it as a service manager would.
    pub fn stop(&mut self) {
        if let Some((mut process, _ready)) = self.process.take() {
            process.stop();
        }
    }

    fn command(&self) -> Command {
        let configuration = self.folder.join("daemon.toml");
        let Surroundings {
            tcti,
            bus,
            service_url,
            service_root,
            token,
            asked_pin,
            verbose,
            user,
            view,
        } = &self.surroundings;
        let mut text = format!(
            "tcti = \"{tcti}\"\nstate_directory = \"{}\"\nbus = \"{bus}\"\n\n\
             [[service]]\nname = \"{SERVICE_NAME}\"\nurl = \"{service_url}\"\nca = \"{}\"\n",
            self.state().display(),
            service_root.display(),
        );
        let command = match user {
            Some(somebody) => {
                // As a package does it: the folder is the daemon's.
                chown(&self.folder, Some(somebody.uid), Some(somebody.uid)).unwrap();
                by(user.as_ref(), &copy_of_program("symbolond", &self.folder))
            }
            None => Command::new(program("symbolond")),
        };
        let mut command = view.of(&command);
        if let Some(token) = token {
            write!(
                text,
                "\n[token]\n{}{}\n",
                token.settings(),
                match asked_pin {
                    true => "ask_pin = true\nunlock_users = [\"nobody\"]".to_owned(),
                    false => format!("pin_file = \"{}\"", token.pin_file.display()),
                }
            )
            .unwrap();
            command.envs(token.environment.iter().cloned());
        }
        std::fs::write(&configuration, text).unwrap();
        command
            .arg("--config")
            .arg(configuration)
            .env("TSS2_LOG", "all+none");
        if *verbose {
            let own = [
                "symbolon_daemon",
                "symbolond",
                "symbolon_tpm",
                "symbolon_vault",
            ];
            command.env("RUST_LOG", format!("info,{}=trace", own.join("=trace,")));
        }
        command
    }
}

/// The text under `name`, at whatever depth.
fn find<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    match value {
        serde_json::Value::Object(fields) => fields
            .get(name)
            .and_then(|found| found.as_str())
            .or_else(|| fields.values().find_map(|field| find(field, name))),
        serde_json::Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}
