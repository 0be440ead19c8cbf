//! `symbolon-service certificates`: giving away the authorities' certificates.

use std::io::Write;

use clap::{Args, Subcommand};

use super::CommandError;
use crate::certificates::{CertificatesConfig, chain};
use crate::keys::Authority;

/// What to do with the service's certificates.
#[derive(Debug, Subcommand)]
pub enum CertificatesCommand {
    /// Print an authority's certificate in PEM.
    Export(ExportArguments),
}

/// Which certificate.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ExportArguments {
    /// The root: what devices and relying parties trust.
    #[arg(long)]
    root: bool,
    /// The issuing authority.
    #[arg(long)]
    issuing: bool,
}

/// Runs a command and prints what came of it.
pub fn run(command: &CertificatesCommand, config: &CertificatesConfig) -> Result<(), CommandError> {
    let CertificatesCommand::Export(arguments) = command;
    let authority = match arguments.root {
        true => Authority::Root,
        false => Authority::Issuing,
    };
    std::io::stdout().write_all(chain::export(config, authority)?.as_bytes())?;
    Ok(())
}
