//! `symbolon-service shares`: the pool of the service's key shares.

use clap::Subcommand;
use serde_json::json;

use super::{CommandError, print};
use crate::enrolment::{fill_pool, pool_size};
use crate::keys::ServiceKeys;
use crate::store::Store;

/// What to do about the pool.
#[derive(Debug, Subcommand)]
pub enum SharesCommand {
    /// Make shares now, so that enrolments need not wait for them; each takes about a second.
    Generate {
        /// How many.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
    },
}

/// Runs a command and prints how many shares there are afterwards.
pub async fn run(
    command: &SharesCommand,
    store: &Store,
    keys: &ServiceKeys,
    json: bool,
) -> Result<(), CommandError> {
    let SharesCommand::Generate { count } = command;
    fill_pool(store, keys, *count).await?;
    let waiting = pool_size(store).await?;
    if json {
        print(&format!("{}\n", json!({"made": count, "waiting": waiting})))
    } else {
        print(&format!("made {count}; {waiting} shares wait for use\n"))
    }
}
