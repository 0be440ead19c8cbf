//! `symbolon-service hsm`: the token by itself, before anything is made on it.

use std::fmt::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CommandError, print};
use crate::keys::{self, Ability, Examination, HsmConfig};

/// What to do with the token.
#[derive(Debug, Subcommand)]
pub enum HsmCommand {
    /// Have the token do everything that the service will ask of it, with keys that are gone
    /// afterwards. Exits with 0 if it is fit, 3 if it lacks something, 1 if it cannot be used.
    Check,
}

/// Prints what the token is and can do, and errs if it is not fit.
pub async fn check(config: &HsmConfig, json: bool) -> Result<(), CommandError> {
    let config = config.clone();
    let examination = tokio::task::spawn_blocking(move || keys::examine(&config))
        .await
        .map_err(std::io::Error::other)??;
    let text = match json {
        true => format!("{}\n", as_json(&examination)),
        false => as_text(&examination),
    };
    print(&text)?;
    match examination.is_fit() {
        true => Ok(()),
        false => Err(CommandError::TokenUnfit),
    }
}

fn as_text(examination: &Examination) -> String {
    let mut text = format!(
        "module {}: {}\n",
        examination.module.display(),
        examination.library
    );
    let slot = examination.slot;
    let _ = match &examination.token {
        Some(token) => writeln!(
            text,
            "token  `{}`, serial number {}, {} {}, slot {slot}",
            token.label, token.serial, token.manufacturer, token.model
        ),
        None => writeln!(text, "token  in slot {slot}; the module cannot describe it"),
    };
    for ability in &examination.abilities {
        text += &line_of(ability);
    }
    text
}

fn line_of(ability: &Ability) -> String {
    let Ability {
        name,
        needed_for,
        lacking,
    } = ability;
    match lacking {
        None => format!("ok   {name}\n"),
        Some(reason) => format!("LACK {name}: {reason}\n     needed for {needed_for}\n"),
    }
}

fn as_json(examination: &Examination) -> Value {
    let abilities: Vec<_> = examination
        .abilities
        .iter()
        .map(|ability| {
            json!({
                "name": ability.name,
                "neededFor": ability.needed_for,
                "works": ability.lacking.is_none(),
                "lacking": ability.lacking,
            })
        })
        .collect();
    json!({
        "module": {"path": examination.module, "library": examination.library},
        "token": examination.token.as_ref().map(|token| json!({
            "label": token.label,
            "serial": token.serial,
            "manufacturer": token.manufacturer,
            "model": token.model,
        })),
        "slot": examination.slot,
        "abilities": abilities,
        "fit": examination.is_fit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_said_with_what_it_means() {
        let examination = Examination {
            module: "/m.so".into(),
            library: "Library".into(),
            token: None,
            slot: 4,
            abilities: vec![
                Ability {
                    name: "first".to_owned(),
                    needed_for: "one thing".to_owned(),
                    lacking: None,
                },
                Ability {
                    name: "second".to_owned(),
                    needed_for: "another".to_owned(),
                    lacking: Some("refused".into()),
                },
            ],
        };
        assert_eq!(
            as_text(&examination),
            "module /m.so: Library\ntoken  in slot 4; the module cannot describe it\n\
             ok   first\nLACK second: refused\n     needed for another\n"
        );
        let json = as_json(&examination);
        assert_eq!(json["fit"], false);
        assert_eq!(json["abilities"][1]["lacking"], "refused");
    }
}
