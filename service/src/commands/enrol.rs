//! `symbolon-service enrol`: a clerk's part of enrolment.

use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_protocol::identifiers::{BirthDate, CertificateLevel, SemanticsIdentifier};

use super::{CommandError, print};
use crate::enrolment::{Invitation, invite};
use crate::store::Store;

/// What to do for a person.
#[derive(Debug, Subcommand)]
pub enum EnrolCommand {
    /// Issue a one-time code for a person whom you have identified.
    Invite(InviteArguments),
}

/// Whom you have identified.
#[derive(Debug, Args)]
pub struct InviteArguments {
    /// The person, e.g. PNOEE-48010010101.
    #[arg(long, value_name = "IDENTIFIER")]
    person: SemanticsIdentifier,
    /// As in the identity document.
    #[arg(long, value_name = "NAME")]
    given_name: String,
    /// As in the identity document.
    #[arg(long, value_name = "NAME")]
    surname: String,
    /// YYYY-MM-DD, for certificates, where the identifier does not tell it.
    #[arg(long, value_name = "DATE")]
    birth_date: Option<BirthDate>,
    /// ADVANCED or QUALIFIED.
    #[arg(long, default_value = "QUALIFIED")]
    level: CertificateLevel,
}

/// Runs a command and prints what came of it: the code is shown once and never again.
pub async fn run(command: EnrolCommand, store: &Store, json: bool) -> Result<(), CommandError> {
    let EnrolCommand::Invite(arguments) = command;
    let person = arguments.person.to_string();
    let invitation = Invitation {
        person: arguments.person,
        given_name: arguments.given_name,
        surname: arguments.surname,
        level: arguments.level,
        birth_date: arguments.birth_date,
    };
    let invited = invite(store, invitation).await?;
    let code = invited.code.as_str();
    if json {
        let expires_at = invited.expires_at.seconds();
        let told = json!({"person": person, "code": code, "expiresAt": expires_at});
        print(&format!("{told}\n"))
    } else {
        print(&format!("{code}\n"))
    }
}
