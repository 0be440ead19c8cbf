//! `symbolon-service rp`: the register of relying parties.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde_json::json;
use uuid::Uuid;

use super::{CommandError, print, reports};
use crate::relying_party::registry::{self, RelyingParty};
use crate::store::Store;

/// What to do with the register.
#[derive(Debug, Subcommand)]
pub enum RpCommand {
    /// Add a relying party and print its UUID.
    Add(AddArguments),
    /// List the relying parties.
    List,
    /// Remove a relying party; its running sessions end.
    Remove {
        /// Its UUID.
        uuid: Uuid,
    },
    /// List what people said that they did not start, the newest first.
    ///
    /// Who asked does not reach that person for a while: ten minutes at first, twice as long each
    /// time up to a day, until a week went by without.
    Reports {
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

/// A new relying party.
#[derive(Debug, Args)]
pub struct AddArguments {
    /// A name that it may show to people; may be given several times.
    #[arg(long = "name", value_name = "NAME", required = true, value_parser = parse_name)]
    names: Vec<String>,
    /// Its UUID, if it has one already; else one is drawn.
    #[arg(long)]
    uuid: Option<Uuid>,
    /// A network that it calls from, e.g. 192.0.2.0/24, or one address; may be given several times.
    #[arg(long = "network", value_name = "NETWORK", required = true, value_parser = parse_network)]
    networks: Vec<IpNet>,
    /// Let it ask accounts of the ADVANCED level.
    #[arg(long)]
    allow_advanced: bool,
    /// Let it learn the address of the person's device.
    #[arg(long)]
    allow_ip_sharing: bool,
    /// Let it use version 2 of the API (needs prefix_v2 in the configuration). Its logins sign a
    /// hash of the relying party's and nothing that people are shown: for those you trust not to
    /// pass on another's hash, until they speak version 3.
    #[arg(long = "allow-v2")]
    allow_version_2: bool,
}

/// Runs a command and prints what came of it.
pub async fn run(command: RpCommand, store: &Store, json: bool) -> Result<(), CommandError> {
    let report = perform(command, store).await?;
    let text = if json {
        report.to_json()
    } else {
        report.to_text()
    };
    print(&text)
}

/// What came of a command.
enum Report {
    Added(RelyingParty),
    Listed(Vec<RelyingParty>),
    Removed(Uuid),
    Reported(Vec<reports::Reported>),
}

async fn perform(command: RpCommand, store: &Store) -> Result<Report, CommandError> {
    match command {
        RpCommand::Add(arguments) => {
            let party = RelyingParty {
                uuid: arguments.uuid.unwrap_or_else(Uuid::new_v4),
                names: arguments.names,
                networks: arguments.networks,
                allow_advanced: arguments.allow_advanced,
                allow_ip_sharing: arguments.allow_ip_sharing,
                allow_version_2: arguments.allow_version_2,
            };
            registry::add(store, &party).await?;
            Ok(Report::Added(party))
        }
        RpCommand::List => Ok(Report::Listed(registry::list(store).await?)),
        RpCommand::Remove { uuid } => {
            if !registry::remove(store, uuid).await? {
                return Err(CommandError::NoSuch(format!("relying party {uuid}")));
            }
            Ok(Report::Removed(uuid))
        }
        RpCommand::Reports { limit } => Ok(Report::Reported(reports::list(store, limit).await?)),
    }
}

impl Report {
    fn to_json(&self) -> String {
        let value = match self {
            Self::Added(party) => json!(party),
            Self::Listed(parties) => json!(parties),
            Self::Removed(uuid) => json!({"uuid": uuid}),
            Self::Reported(reports) => json!(reports),
        };
        format!("{value}\n")
    }

    fn to_text(&self) -> String {
        match self {
            Self::Added(party) => format!("{}\n", party.uuid),
            Self::Listed(parties) => parties.iter().map(line_of).collect(),
            Self::Removed(uuid) => format!("removed {uuid}\n"),
            Self::Reported(reports) => reports.iter().map(reports::Reported::to_line).collect(),
        }
    }
}

fn line_of(party: &RelyingParty) -> String {
    let networks: Vec<_> = party.networks.iter().map(IpNet::to_string).collect();
    let mut line = format!(
        "{}  {}  from {}",
        party.uuid,
        party.names.join(" | "),
        networks.join(", ")
    );
    if party.allow_advanced {
        line.push_str("  ADVANCED allowed");
    }
    if party.allow_ip_sharing {
        line.push_str("  address sharing allowed");
    }
    if party.allow_version_2 {
        line.push_str("  version 2 allowed");
    }
    line.push('\n');
    line
}

/// People see names on small screens, and every request repeats one.
fn parse_name(text: &str) -> Result<String, String> {
    const LONGEST: usize = 100;
    if text.trim().is_empty() {
        Err("a name must not be empty".to_owned())
    } else if text.len() > LONGEST {
        Err(format!("a name has at most {LONGEST} octets in UTF-8"))
    } else if text.chars().any(char::is_control) {
        Err("a name has no control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "a network is written as 192.0.2.0/24 or 2001:db8::/32".to_owned())
}
