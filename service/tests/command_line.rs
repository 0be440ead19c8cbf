//! The program's command line, as administrators and scripts use it: what needs no token.
#![allow(
    clippy::unwrap_used,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use symbolon_service::store::Store;

/// A configuration and a store of its own. The token is never opened.
struct Administrator {
    folder: tempfile::TempDir,
}

impl Administrator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("service.db");
        let text = format!(
            "scheme_name = 'smart-id-demo'\n\
             [relying_party]\nlisten = '127.0.0.1:0'\n\
             [device]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\n\
             [store]\nurl = 'sqlite://{}?mode=rwc'\n\
             [hsm]\nmodule = '/nowhere.so'\ntoken = 'none'\n\
             [certificates]\nprofile = 'smart-id-compatible'\ndirectory = '/nowhere'\n\
             issuer_url = 'http://symbolon.invalid/ca'\nocsp_url = 'http://symbolon.invalid/ocsp'\n\
             crl_url = 'http://symbolon.invalid/crl'\n",
            store.display()
        );
        std::fs::write(folder.path().join("service.toml"), text).unwrap();
        Self { folder }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("service.db")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_symbolon-service"))
            .arg("--config")
            .arg(self.folder.path().join("service.toml"))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn told_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.told(arguments)).unwrap()
    }

    /// The exit code and what was said about the failure.
    fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), errors)
    }
}

#[test]
fn a_relying_party_is_added_listed_and_removed() {
    let administrator = Administrator::new();
    let uuid = "00000000-0000-4000-8000-000000000000";
    let added = administrator.told_json(&[
        "--json",
        "rp",
        "add",
        "--uuid",
        uuid,
        "--name",
        "DEMO",
        "--name",
        "Demo 2",
        "--network",
        "127.0.0.1/8",
        "--network",
        "2001:db8::7",
        "--allow-ip-sharing",
        "--allow-v2",
    ]);
    let expected = json!({
        "uuid": uuid,
        "names": ["DEMO", "Demo 2"],
        "networks": ["127.0.0.0/8", "2001:db8::7/128"],
        "allowAdvanced": false,
        "allowIpSharing": true,
        "allowVersion2": true
    });
    assert_eq!(added, expected);
    assert_eq!(
        administrator.told_json(&["rp", "list", "--json"]),
        json!([expected])
    );

    let (code, reason) = administrator.refused(&[
        "rp",
        "add",
        "--uuid",
        uuid,
        "--name",
        "X",
        "--network",
        "::/0",
    ]);
    assert_eq!(code, 1);
    assert!(reason.contains("exists already"), "{reason}");

    assert_eq!(
        administrator.told(&["rp", "remove", uuid]),
        format!("removed {uuid}\n")
    );
    assert_eq!(administrator.told(&["rp", "list"]), "");
    let (code, reason) = administrator.refused(&["rp", "remove", uuid]);
    assert_eq!(code, 1);
    assert!(reason.contains(uuid), "{reason}");
}

/// Changes the store behind the program's back.
fn tamper(administrator: &Administrator, statement: &'static str) {
    let url = format!("sqlite://{}", administrator.store().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&url).await.unwrap();
        let work = store.write(move |connection| {
            Box::pin(async move {
                sqlx::query(statement).execute(connection).await?;
                Ok(())
            })
        });
        work.await.unwrap();
        store.close().await;
    });
}

#[test]
fn s150_what_administrators_do_stands_in_the_audit_trail_with_their_uid() {
    let administrator = Administrator::new();
    let uuid = "00000000-0000-4000-8000-000000000000";
    let add = ["rp", "add", "--uuid", uuid, "--name", "DEMO", "--network"];
    let added = administrator.run(&[&add[..], &["::1"]].concat());
    assert!(added.status.success());
    // Rows go to the journal, not before a person's eyes.
    assert_eq!(String::from_utf8(added.stderr).unwrap(), "");
    administrator.refused(&[&add[..], &["::1"]].concat());
    let person = ["enrol", "invite", "--person", "PNOEE-30303039914"];
    let name = ["--given-name", "Mari", "--surname", "Maasikas"];
    let code = administrator.told(&[person, name].concat());
    administrator.told(&["rp", "remove", uuid]);
    administrator.refused(&["rp", "remove", uuid]);

    let rows = administrator.told_json(&["audit", "list", "--json"]);
    let operator = format!("uid {}", rustix::process::getuid().as_raw());
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["action"].as_str().unwrap(),
                row["relyingParty"].as_str(),
            )
        })
        .collect();
    let expected = [
        ("chainBegun", None),
        ("relyingPartyAdded", Some(uuid)),
        ("invited", None),
        ("relyingPartyRemoved", Some(uuid)),
    ];
    assert_eq!(told, expected);
    for row in &rows.as_array().unwrap()[1..] {
        let by = row["operator"].as_str().unwrap();
        assert!(by.starts_with(&operator), "{by}");
    }
    let text = administrator.told(&["audit", "list", "--limit", "2"]);
    assert!(text.contains("PNOEE-30303039914") && text.lines().count() == 2);
    assert!(!text.contains(code.trim_end()));
}

#[test]
fn s151_a_changed_missing_or_cut_off_row_is_found_in_the_store_and_in_an_export() {
    let administrator = Administrator::new();
    for _ in 0..3 {
        administrator.told(&["rp", "add", "--name", "DEMO", "--network", "::1"]);
    }
    let verify = ["audit", "verify", "--json"];
    let before = administrator.told_json(&verify);
    assert_eq!(
        (&before["rows"], &before["breaks"]),
        (&json!(4), &json!([]))
    );
    let noted = before["head"]["hash"].as_str().unwrap().to_owned();
    administrator.told(&["rp", "add", "--name", "DEMO", "--network", "::1"]);
    let with_head = ["audit", "verify", "--head", &noted];
    assert!(administrator.told(&with_head).contains("5 rows, head "));

    let export = administrator.told(&["audit", "export"]);
    let file = administrator.folder.path().join("export.jsonl");
    let of_file = ["audit", "verify", "--file", file.to_str().unwrap()];
    std::fs::write(&file, &export).unwrap();
    administrator.told(&of_file);
    for (damaged, what) in [
        (export.replacen("DEMO", "EVIL", 1), "row 2 was changed"),
        (export.replacen("{", "", 1), "line 1 is no row"),
        (
            export
                .lines()
                .filter(|line| !line.contains(&noted))
                .map(|line| format!("{line}\n"))
                .collect(),
            "1 row is missing between row 3 and row 5",
        ),
    ] {
        std::fs::write(&file, damaged).unwrap();
        let output = administrator.run(&of_file);
        assert_eq!(output.status.code(), Some(4), "{what}");
        assert!(
            String::from_utf8(output.stdout).unwrap().contains(what),
            "{what}"
        );
    }

    // The end cut off, head and all: only what was noted elsewhere finds it.
    tamper(&administrator, "DELETE FROM audit WHERE sequence > 3");
    let output = administrator.run(&verify);
    assert_eq!(output.status.code(), Some(4));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        told["breaks"][0],
        "the record should end with row 5, but its last one is row 3"
    );
    tamper(
        &administrator,
        "UPDATE audit_head SET sequence = 3, hash = (SELECT hash FROM audit WHERE sequence = 3)",
    );
    administrator.told(&verify);
    assert_eq!(administrator.run(&with_head).status.code(), Some(4));
    let (code, _) = administrator.refused(&["audit", "verify", "--head", "abc"]);
    assert_eq!(code, 2);
}

#[test]
fn without_a_uuid_one_is_drawn_and_it_alone_is_printed() {
    let administrator = Administrator::new();
    let add = ["rp", "add", "--name", "DEMO", "--network", "127.0.0.0/8"];
    let first = administrator.told(&add);
    let second = administrator.told(&add);
    assert_ne!(first, second);
    for printed in [first, second] {
        let uuid: uuid::Uuid = printed.trim_end().parse().unwrap();
        assert_eq!(printed, format!("{uuid}\n"));
    }
}

#[test]
fn without_reports_none_are_listed() {
    let administrator = Administrator::new();
    assert_eq!(administrator.told(&["rp", "reports"]), "");
    assert_eq!(
        administrator.told_json(&["rp", "reports", "--json"]),
        json!([])
    );
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let administrator = Administrator::new();
    for arguments in [
        &["rp", "add", "--name", "DEMO"][..],
        &["rp", "add", "--network", "127.0.0.0/8"],
        &["rp", "add", "--name", "", "--network", "127.0.0.0/8"],
        &["rp", "add", "--name", "a\u{1b}[31m", "--network", "::/0"],
        &["rp", "add", "--name", "DEMO", "--network", "127.0.0.0/33"],
        &["rp", "remove", "everybody"],
        &[
            "enrol",
            "invite",
            "--person",
            "Mari",
            "--given-name",
            "M",
            "--surname",
            "M",
        ],
        &["account", "close", "PNOEE-30303039914"],
        &["shares", "generate", "--count", "0"],
        &["serve", "--ports"],
    ] {
        assert_eq!(administrator.refused(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn an_invitation_is_a_code_that_the_store_does_not_hold() {
    let administrator = Administrator::new();
    let invite = [
        "enrol",
        "invite",
        "--person",
        "PNOEE-30303039914",
        "--given-name",
        "Mari",
        "--surname",
        "Maasikas",
    ];
    let printed = administrator.told(&invite);
    let code = printed.trim_end();
    assert_eq!(code.len(), 19, "{code}");
    let as_json = administrator.told_json(&[&invite[..], &["--json"]].concat());
    assert_ne!(as_json["code"], code);
    assert_eq!(as_json["person"], "PNOEE-30303039914");

    let stored = std::fs::read(administrator.store()).unwrap();
    for spelling in [code.to_owned(), code.replace('-', "")] {
        let found = stored
            .windows(spelling.len())
            .any(|window| window.eq_ignore_ascii_case(spelling.as_bytes()));
        assert!(!found);
    }
}

#[test]
fn the_store_is_nobody_elses_to_read_and_has_no_left_over_log() {
    let administrator = Administrator::new();
    administrator.told(&["account", "list"]);
    let mode = administrator
        .store()
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    assert!(!administrator.store().with_extension("db-wal").exists());
}

#[test]
fn what_is_not_there_is_said_with_exit_code_1() {
    let administrator = Administrator::new();
    assert_eq!(
        administrator.told_json(&["account", "list", "--json"]),
        json!([])
    );
    let (code, reason) = administrator.refused(&["account", "close", "PNOEE-30303039914-AAAA-Q"]);
    assert_eq!(code, 1);
    assert!(reason.contains("PNOEE-30303039914-AAAA-Q"), "{reason}");

    let output = administrator.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = String::from_utf8(output.stdout).unwrap();
    assert!(findings.contains("ok   store"), "{findings}");
    assert!(findings.contains("BAD  token"), "{findings}");

    let missing = Command::new(env!("CARGO_BIN_EXE_symbolon-service"))
        .args(["--config", "/nowhere/service.toml", "check"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let reason = String::from_utf8(missing.stderr).unwrap();
    assert!(reason.contains("/nowhere/service.toml"), "{reason}");
}
