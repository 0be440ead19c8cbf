//! `symbolon-service demo`: accounts that answer by themselves.

use clap::Subcommand;
use serde_json::json;

use super::{CommandError, print};
use crate::config::Config;
use crate::demo::{self, ACCOUNTS, DemoAccount, Made};
use crate::server;

/// What to do about demo accounts.
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Make the demo accounts, with keys on the token; what exists stays. Minutes for all of them.
    Init {
        /// Only this one; may be repeated.
        #[arg(long = "account", value_name = "DOCUMENT NUMBER")]
        accounts: Vec<String>,
    },
    /// List the accounts and what they do.
    List,
}

/// Runs a command.
pub async fn run(command: DemoCommand, config: &Config, json: bool) -> Result<(), CommandError> {
    match command {
        DemoCommand::Init { accounts } => init(config, &chosen(&accounts)?, json).await,
        DemoCommand::List => list(json),
    }
}

fn chosen(numbers: &[String]) -> Result<Vec<&'static DemoAccount>, CommandError> {
    if numbers.is_empty() {
        return Ok(ACCOUNTS.iter().collect());
    }
    numbers
        .iter()
        .map(|number| {
            ACCOUNTS
                .iter()
                .find(|account| account.document_number == number)
                .ok_or_else(|| CommandError::NoSuch(format!("demo account {number}")))
        })
        .collect()
}

async fn init(config: &Config, accounts: &[&DemoAccount], json: bool) -> Result<(), CommandError> {
    if config.demo.is_none() {
        return Err(CommandError::NoDemo);
    }
    let service = server::open_service(config).await?;
    let mut failed = None;
    for (index, account) in accounts.iter().enumerate() {
        let number = account.document_number;
        let made = match demo::enrol(&service, account).await {
            Ok(made) => name_of(made),
            Err(refusal) => {
                failed = Some(CommandError::DemoAccount(refusal.detail));
                break;
            }
        };
        if json {
            print(&format!(
                "{}\n",
                json!({"documentNumber": number, "made": made})
            ))?;
        } else {
            let so_far = format!("{} of {}", index + 1, accounts.len());
            print(&format!("{made:<7} {number} ({so_far})\n"))?;
        }
    }
    service.store.close().await;
    failed.map_or(Ok(()), Err)
}

fn name_of(made: Made) -> &'static str {
    match made {
        Made::Now => "made",
        Made::Before => "kept",
        Made::Closed => "closed",
    }
}

fn list(json: bool) -> Result<(), CommandError> {
    for account in ACCOUNTS {
        let (number, does) = (account.document_number, account.outcome.as_str());
        if json {
            print(&format!(
                "{}\n",
                json!({"documentNumber": number, "outcome": does})
            ))?;
        } else {
            print(&format!("{number:<28} {does}\n"))?;
        }
    }
    Ok(())
}
