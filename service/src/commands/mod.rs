//! The command line of `symbolon-service`.

pub mod account;
pub mod audit;
pub mod ca;
pub mod certificates;
pub mod check;
pub mod demo;
pub mod enrol;
mod error;
pub mod hsm;
pub mod init;
mod reports;
pub mod rp;
pub mod shares;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::keys::{HsmConfig, ServiceKeys};
use crate::relying_party::openapi;
use crate::store::Store;
use crate::{log, server};

pub use error::CommandError;

/// The co-signing service: half of every key share, the clock of every lock, and the API that
/// relying parties speak.
#[derive(Debug, Parser)]
#[command(name = "symbolon-service", version)]
pub struct Cli {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/symbolon/service.toml"
    )]
    config: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the keys on the token, the service's own certificates and the store; what exists stays.
    Init,
    /// Make the certificate authorities in a ceremony, ahead of `init`.
    #[command(subcommand)]
    Ca(ca::CaCommand),
    /// Serve relying parties and devices, until SIGTERM. SIGHUP rereads the log filter.
    Serve(ServeArguments),
    /// Register relying parties.
    #[command(subcommand)]
    Rp(rp::RpCommand),
    /// Invite identified persons to enrol.
    #[command(subcommand)]
    Enrol(enrol::EnrolCommand),
    /// Make key shares ahead of need.
    #[command(subcommand)]
    Shares(shares::SharesCommand),
    /// Give away the service's own certificates.
    #[command(subcommand)]
    Certificates(certificates::CertificatesCommand),
    /// List and close accounts.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Show, verify and export the audit trail.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Make accounts that answer by themselves, for relying parties to develop against.
    #[command(subcommand)]
    Demo(demo::DemoCommand),
    /// Look what the token can do; needs no `init` before.
    #[command(subcommand)]
    Hsm(hsm::HsmCommand),
    /// Print the OpenAPI 3.1 document of the relying-party API; needs no configuration.
    Openapi {
        /// What every path begins with, as in the configuration.
        #[arg(long, default_value = "/v3")]
        prefix: String,
        /// What every path of version 2 begins with, where it is served.
        #[arg(long, value_name = "PREFIX")]
        prefix_v2: Option<String>,
    },
    /// Look whether configuration, token, certificates and store are in order.
    Check,
}

#[derive(Debug, Args)]
struct ServeArguments {
    /// Write the addresses that are listened on to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    addresses_file: Option<PathBuf>,
}

/// Runs what the command line says.
pub async fn run(cli: Cli) -> Result<(), CommandError> {
    if let Command::Openapi { prefix, prefix_v2 } = &cli.command {
        let document = openapi::document(prefix, prefix_v2.as_deref());
        return print(&format!("{document:#}\n"));
    }
    let config = Config::load(&cli.config)?;
    let reader = match cli.command {
        Command::Serve(_) => log::Reader::Operator,
        _ => log::Reader::Person,
    };
    log::init(&config.log, reader)?;
    let json = cli.json;
    match cli.command {
        Command::Init => {
            let report =
                init::run(&config.hsm, &config.certificates, &config.device.public_url).await?;
            let store = open_store(&config).await?;
            let noted = init::note(&store, &report).await;
            store.close().await;
            print(&report.to_string())?;
            Ok(noted?)
        }
        Command::Ca(ca::CaCommand::Init) => {
            // First, so that no authority is made of which nothing is noted.
            let store = open_store(&config).await?;
            let done = ca::init(&store, &config.hsm, &config.certificates, json).await;
            store.close().await;
            done
        }
        Command::Audit(command) => {
            let store = open_store(&config).await?;
            let done = audit::run(command, &store, json).await;
            store.close().await;
            done
        }
        Command::Serve(arguments) => {
            Ok(server::serve(config, cli.config, arguments.addresses_file).await?)
        }
        Command::Certificates(command) => certificates::run(&command, &config.certificates),
        // Printed above, without a configuration.
        Command::Openapi { .. } => Ok(()),
        Command::Check => check::run(&config, json).await,
        Command::Demo(command) => demo::run(command, &config, json).await,
        Command::Hsm(hsm::HsmCommand::Check) => hsm::check(&config.hsm, json).await,
        Command::Shares(command) => {
            let store = open_store(&config).await?;
            let keys = open_keys(&config.hsm).await?;
            let done = shares::run(&command, &store, &keys, json).await;
            store.close().await;
            done
        }
        Command::Rp(command) => {
            let store = open_store(&config).await?;
            let done = rp::run(command, &store, json).await;
            store.close().await;
            done
        }
        Command::Enrol(command) => {
            let store = open_store(&config).await?;
            let done = enrol::run(command, &store, json).await;
            store.close().await;
            done
        }
        Command::Account(command) => {
            let store = open_store(&config).await?;
            let done = account::run(command, &store, json).await;
            store.close().await;
            done
        }
    }
}

async fn open_store(config: &Config) -> Result<Store, CommandError> {
    Ok(Store::open(&config.store.url).await?)
}

/// Opens the token away from the runtime's threads: it blocks.
pub(crate) async fn open_keys(config: &HsmConfig) -> Result<ServiceKeys, CommandError> {
    let config = config.clone();
    let opening = tokio::task::spawn_blocking(move || ServiceKeys::open(&config));
    match opening.await {
        Ok(opened) => Ok(opened?),
        Err(broken) => Err(CommandError::Output(std::io::Error::other(broken))),
    }
}

fn print(text: &str) -> Result<(), CommandError> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
