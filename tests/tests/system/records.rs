//! Records: what happened, in a form in which a missing or changed row is found.

use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{Rig, USUAL};

#[test]
fn s152_a_changed_or_missing_entry_of_the_history_is_found() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let cli = &rig.device.cli;
    let first = cli.json(&["history", "--verify"], &[]).must_be(code::DONE);
    let noted = first.value()["head"]["hash"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let target = Target::Document(document.clone());
        let login = rig.relying_party.login(&target, USUAL, "Log in?");
        let id = rig.device.id_of(&login.verification_code);
        rig.device.refuse(&id).must_be(code::DONE);
    }
    let with_head = ["history", "--verify", "--head", &noted];
    let verified = cli.json(&with_head, &[]).must_be(code::DONE).value();
    assert_eq!(verified["entries"], 3);
    assert_eq!(verified["breaks"], json!([]));

    let export = cli
        .run(&["history", "--export"], &[])
        .must_be(code::DONE)
        .out;
    let file = rig.device.folder().join("export.jsonl");
    let of_file = ["history", "--verify", "--file", file.to_str().unwrap()];
    std::fs::write(&file, &export).unwrap();
    cli.run(&of_file, &[]).must_be(code::DONE);
    std::fs::write(&file, export.replacen("refused", "approved", 1)).unwrap();
    let said = cli.run(&of_file, &[]).must_be(code::HISTORY_BROKEN);
    assert!(said.out.contains("row 2 was changed"), "{said:?}");

    let accounts = rig.device.daemon.state().join("accounts");
    let record = accounts.join(format!("{document}.history.jsonl"));
    let text = std::fs::read_to_string(&record).unwrap();
    assert_eq!(text, export);
    // A crash in the middle of the last line; then the daemon goes on.
    std::fs::write(&record, &text[..text.len() - 20]).unwrap();
    let login = rig
        .relying_party
        .login(&Target::Document(document.clone()), USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.refuse(&id).must_be(code::DONE);
    let said = cli.run(&["history", "--verify"], &[]).must_be(code::DONE);
    assert!(said.out.contains("line 3 was torn by a crash"), "{said:?}");

    let text = std::fs::read_to_string(&record).unwrap();
    let second = text.lines().nth(1).unwrap();
    std::fs::write(&record, text.replacen(&format!("{second}\n"), "", 1)).unwrap();
    let said = cli
        .run(&["history", "--verify"], &[])
        .must_be(code::HISTORY_BROKEN);
    assert!(said.out.contains("1 row is missing"), "{said:?}");
}
