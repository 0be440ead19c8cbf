//! What an administrator finds in the journal, in a real one.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::journal::Journal;
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, WRONG_PIN};
use symbolon_tests::service::RELYING_PARTY;

/// The fields that we write: those of the journal's own begin with an underscore.
fn ours(entry: &Value) -> BTreeMap<String, String> {
    let fields = entry.as_object().unwrap().iter();
    fields
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or("").to_owned()))
        .collect()
}

#[test]
fn s174_what_happened_is_found_in_the_journal_by_its_fields() {
    let test = "journal::s174_what_happened_is_found_in_the_journal_by_its_fields";
    let Some(journal) = Journal::of_test(test) else {
        return;
    };
    let Some((rig, document)) = Plan::default().start().map(Rig::with_account) else {
        return;
    };
    rig.try_pin1(&document, WRONG_PIN).must_be(code::WRONG_PIN);
    rig.log_in(&document);
    let account = ("ACCOUNT", document.as_str());

    // The service: rows of the audit trail, each with what is needed to find and to verify it.
    let signed = ours(&journal.entry(&[("EVENT", "signed"), account]));
    assert_eq!(signed["RELYING_PARTY"], RELYING_PARTY.0, "{signed:?}");
    assert!(signed["AUDIT_SEQUENCE"].parse::<u64>().unwrap() > 0);
    assert_eq!(signed["AUDIT_HASH"].len(), 64, "{signed:?}");
    assert_eq!(signed["SYSLOG_IDENTIFIER"], "symbolon-service");

    // An administrator's command, which shows no row to the person but leaves it there.
    let added = rig.another_relying_party("Another");
    let field = ("RELYING_PARTY", added.uuid());
    let row = ours(&journal.entry(&[("EVENT", "relyingPartyAdded"), field]));
    assert_eq!(row["OPERATOR"], "uid 0", "{row:?}");

    // The daemon: the account's history, with who did it.
    for event in ["wrongPin", "approved"] {
        let entry = ours(&journal.entry(&[("EVENT", event), account, ("USER_ID", "0")]));
        assert_eq!(entry["SYSLOG_IDENTIFIER"], "symbolond", "{entry:?}");
        assert_eq!(entry["HISTORY_HASH"].len(), 64, "{entry:?}");
        // A wrong PIN is of the account; what was approved is a transaction.
        assert_eq!(entry.contains_key("TRANSACTION"), event == "approved");
    }

    let shown = "Log in to test";
    for entry in journal.all() {
        let mut fields = ours(&entry);
        fields.retain(|name, _| !name.ends_with("_HASH"));
        for secret in [PIN1, PIN2, WRONG_PIN, shown] {
            let told = |value: &String| {
                let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
                value == secret || value.contains(shown) || words.any(|word| word == secret)
            };
            assert!(!fields.values().any(told), "{secret}: {}", json!(fields));
        }
    }
}
