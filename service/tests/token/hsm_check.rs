//! `symbolon-service hsm check` before anything else was run.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::softhsm::{LABEL, PIN, TokenHouse, with_token};

/// Runs the program with this `[hsm]` section.
fn hsm_check(house: &TokenHouse, section: &str, pin: &str) -> Output {
    check(house, house.module(), section, pin)
}

fn check(house: &TokenHouse, module: &Path, section: &str, pin: &str) -> Output {
    let pin_file = house.folder().join("pin");
    std::fs::write(&pin_file, pin).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&pin_file, private).unwrap();
    let config = house.folder().join("service.toml");
    let text = format!(
        "scheme_name = 'smart-id-demo'\n[relying_party]\nlisten = '127.0.0.1:0'\n\
         [device]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\n\
         [store]\nurl = 'sqlite:///nowhere/service.db'\n\
         [hsm]\nmodule = '{}'\npin_file = '{}'\n{section}\n\
         [certificates]\nprofile = 'smart-id-compatible'\ndirectory = '/nowhere'\n\
         issuer_url = 'http://x'\nocsp_url = 'http://x'\ncrl_url = 'http://x'\n",
        module.display(),
        pin_file.display()
    );
    std::fs::write(&config, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_symbolon-service"))
        .arg("--config")
        .arg(config)
        .args(["hsm", "check", "--json"])
        .output()
        .unwrap()
}

#[test]
fn tells_a_fit_token_by_trying_and_leaves_nothing_on_it() {
    with_token(
        "hsm_check::tells_a_fit_token_by_trying_and_leaves_nothing_on_it",
        |house| {
            let files = || {
                let tokens = house.folder().join("tokens");
                let token = std::fs::read_dir(tokens).unwrap().next().unwrap().unwrap();
                std::fs::read_dir(token.path()).unwrap().count()
            };
            let before = files();
            let output = hsm_check(house, &format!("token = '{LABEL}'\nthreads = 2"), PIN);
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(0), "{report:#}");
            assert_eq!(report["fit"], true, "{report:#}");
            assert_eq!(report["token"]["label"], LABEL);
            assert_eq!(files(), before);
        },
    );
}

#[test]
fn tells_a_token_that_cannot_be_looked_at_by_exit_code_and_reason() {
    with_token(
        "hsm_check::tells_a_token_that_cannot_be_looked_at_by_exit_code_and_reason",
        |house| {
            for (section, pin, reason) in [
                ("slot = 4711".to_owned(), PIN, "no token slot `4711`"),
                (format!("token = '{LABEL}'"), "99999", "refused the PIN"),
            ] {
                let output = hsm_check(house, &section, pin);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(1), "{said}");
                assert!(said.contains(reason), "{said}");
            }
        },
    );
}

#[test]
fn tells_a_token_that_lacks_something_by_its_own_exit_code() {
    with_token(
        "hsm_check::tells_a_token_that_lacks_something_by_its_own_exit_code",
        |house| {
            // CKR_MECHANISM_INVALID, although the mechanism is listed.
            std::fs::write(house.commands(), "fail C_UnwrapKey 112").unwrap();
            let module = house.obstinate_module();
            let output = check(house, &module, &format!("token = '{LABEL}'"), PIN);
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(3), "{report:#}");
            assert_eq!(report["fit"], false, "{report:#}");
            let abilities = report["abilities"].as_array().unwrap();
            assert!(abilities.iter().any(|one| one["works"] == false));
            assert!(abilities.iter().any(|one| one["works"] == true));
        },
    );
}
