//! `symbolond`: holds device key shares and lets their owners use them. The only place that names
//! a backend.

mod process;
mod supervision;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use symbolon_daemon::announcer::Announcer;
use symbolon_daemon::bus::server::serve;
use symbolon_daemon::config::{Config, TokenConfig};
use symbolon_daemon::device::Device;
use symbolon_daemon::token_pin::HandedPin;
use symbolon_daemon::vault_thread::VaultHandle;
use symbolon_hsm::{HsmError, Patience, PinFile, PinSource, TokenPin, TokenSettings, TokenVault};
use symbolon_tpm::{OwnerPassword, TpmVault};
use symbolon_vault::Vault;
use tokio::signal::unix::{SignalKind, signal};

/// The device daemon of Symbolon.
#[derive(Debug, Parser)]
#[command(name = "symbolond", version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "/etc/symbolon/daemon.toml")]
    config: PathBuf,
    /// A D-Bus address instead of the configuration's or the system bus.
    #[arg(long)]
    bus: Option<String>,
}

/// The systemd credential that holds the token's PIN.
const TOKEN_PIN_CREDENTIAL: &str = "token-pin";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    symbolon_hsm::become_the_modules_process_if_asked();
    // Both before any thread exists.
    process::share_one_heap();
    symbolon_tpm::esys::silence_library_log();
    let arguments = Arguments::parse();
    supervision::start_logging();
    if let Err(error) = process::keep_out_of_core_dumps() {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    // One worker, so that nothing waits for a change of threads. A TLS handshake that waits for the
    // hardware makes room for another (`VaultHandle::call_blocking`).
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(8)
        .thread_keep_alive(Duration::from_secs(2))
        .thread_name("symbolond")
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(live(arguments));
    // A job of the hardware may take seconds more; nothing waits for it.
    runtime.shutdown_background();
    outcome
}

async fn live(arguments: &Arguments) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;

    let config = Config::read(&arguments.config)?;
    let handed = handed_pin(&config)?;
    let vault = VaultHandle::start(open_vault(&config, handed.clone())?)?;
    let (announcer, announcements) = Announcer::new();
    let device = Device::start(
        &config.state_directory(),
        config.services.clone(),
        vault.clone(),
        announcer,
    )?;
    if let Some(place) = handed {
        device.take_token_pin_into(place);
    }
    let bus = arguments.bus.as_deref().or(config.bus.as_deref());
    let connection = serve(bus, device.clone(), announcements)
        .await
        .map_err(|error| format!("the bus cannot be served: {error}"))?;
    tokio::spawn(symbolon_daemon::wake::watch(
        connection.clone(),
        device.clone(),
    ));
    // A restart finds the bus again, or says what is wrong.
    let mut bus_end = std::pin::pin!(connection.closed());
    supervision::tell_ready();
    let watchdog = tokio::spawn(supervision::feed_watchdog(vault));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = &mut bus_end => return Err("the bus closed the connection".into()),
            _ = hang_up.recv() => {
                supervision::tell_reloading();
                reload(&arguments.config, &device).await;
                supervision::tell_ready();
            }
        }
    }
    tracing::info!("stopping");
    supervision::tell_stopping();
    watchdog.abort();
    Ok(())
}

/// A PIN that only a person has, kept in memory.
struct Handed(Arc<HandedPin>);

impl PinSource for Handed {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        let Some(pin) = self.0.again() else {
            return Err(HsmError::PinUnavailable(
                "nobody has entered it yet: `symbolon unlock`".to_owned(),
            ));
        };
        TokenPin::from_octets(pin)
    }

    fn forgets_refused(&self) -> bool {
        self.0.forget();
        true
    }
}

/// Where the token's PIN is put, if only a person has it.
fn handed_pin(config: &Config) -> Result<Option<Arc<HandedPin>>, Failure> {
    let Some(token) = config.token.as_ref().filter(|token| token.ask_pin) else {
        return Ok(None);
    };
    let number = |name: &String| match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("[token] `unlock_users`: there is no user {name}")),
        Err(error) => Err(format!("[token] `unlock_users`: {name}: {error}")),
    };
    let users = token.unlock_users.iter().map(number);
    let users = users.collect::<Result<_, _>>()?;
    Ok(Some(Arc::new(HandedPin::from_users(users))))
}

fn open_vault(config: &Config, handed: Option<Arc<HandedPin>>) -> Result<Box<dyn Vault>, Failure> {
    if let Some(token) = &config.token {
        return open_token(token, handed);
    }
    let owner_password = owner_password(&config.owner_password_credential)?;
    Ok(Box::new(TpmVault::open(&config.tcti, owner_password)?))
}

/// A vault on the configured token, which need not be there yet.
fn open_token(
    config: &TokenConfig,
    handed: Option<Arc<HandedPin>>,
) -> Result<Box<dyn Vault>, Failure> {
    let settings = TokenSettings {
        uri: config.uri.clone(),
        module: config.module.clone(),
        token: config.token.clone(),
        serial: config.serial.clone(),
        slot: config.slot,
        pin_file: config.pin_file.clone(),
        init_reserved: config.init_reserved.clone(),
    };
    let (address, pin_file) = settings
        .resolve()
        .map_err(|error| format!("[token]: {error}"))?;
    let files = PinFile::new(TOKEN_PIN_CREDENTIAL, pin_file);
    let pins: Arc<dyn PinSource> = match handed.filter(|_| !files.exists()) {
        Some(place) => Arc::new(Handed(place)),
        None => Arc::new(files),
    };
    let signing = Duration::from_secs(config.deadline_seconds.get().into());
    let patience = Patience {
        signing,
        making: 12 * signing,
    };
    Ok(Box::new(TokenVault::new(address, pins, patience)))
}

/// The TPM's owner password from a systemd credential, where there is one.
fn owner_password(credential: &str) -> Result<Option<OwnerPassword>, Failure> {
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Ok(None);
    };
    let path = Path::new(&folder).join(credential);
    match std::fs::read(&path) {
        Ok(mut password) => {
            if password.last() == Some(&b'\n') {
                password.pop();
            }
            Ok(Some(OwnerPassword::new(password)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

/// Takes the services from the configuration anew; TPM, folder and bus need a restart.
async fn reload(path: &Path, device: &Device) {
    match Config::read(path) {
        Ok(config) => {
            device.reconfigure(config.services).await;
            tracing::info!("the configuration's services were read anew");
        }
        Err(error) => tracing::error!("the old configuration stays: {error}"),
    }
}
