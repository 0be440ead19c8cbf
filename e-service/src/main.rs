//! `symbolon-e-service`: an example relying party.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use symbolon_e_service::api::{Api, Transport};
use symbolon_e_service::config::{Cli, Config, ConfigError};
use symbolon_e_service::serve::Listening;
use symbolon_e_service::web::{self, EService};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // clap itself leaves with 2 where the command line is wrong.
    match serve(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "symbolon-e-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: &Cli) -> Result<(), ConfigError> {
    let config = Config::read(&cli.config)?;
    let verifier = config.verifier()?;
    let api = Api::new(
        Transport::new(&config.service)?,
        config.relying_party.clone(),
    );
    let responder = config.responder()?;
    let address = cli.listen.unwrap_or(config.listen);
    let listening = Listening::open(address, config.tls.as_ref()).await?;
    let local = listening
        .local_url()
        .map_err(|error| ConfigError::Listen(address, error))?;
    let public_url = config.public_url.unwrap_or_else(|| local.clone());
    let public_url = public_url.trim_end_matches('/').to_owned();
    tracing::info!("serving {public_url} at {local}");
    if let Some(file) = &cli.address_file {
        std::fs::write(file, format!("{public_url}\n{local}\n"))
            .map_err(|error| ConfigError::Unreadable(file.clone(), error))?;
    }
    let e_service = Arc::new(EService::new(api, verifier, responder, public_url));
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|_| ConfigError::Incomplete("signals cannot be awaited"))?;
    tokio::select! {
        () = listening.serve(web::router(e_service)) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
