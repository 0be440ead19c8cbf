//! Accounts that a group of colleagues owns, on a machine without a desktop: real polkit, real
//! users, and a daemon without rights.

use serde_json::{Value, json};
use symbolon_tests::cli::{Cli, Said, code};
use symbolon_tests::daemon::SERVICE_NAME;
use symbolon_tests::eventually::SOON;
use symbolon_tests::people::{GROUP, PASSWORD, People, name_of};
use symbolon_tests::polkit::Polkit;
use symbolon_tests::process::Somebody;
use symbolon_tests::relying_party::{Login, Target};
use symbolon_tests::requirements;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig, USUAL};
use symbolon_tests::service::SCHEME;

// Users that every system has: a bus knows nobody who is not in its list of users.
const ENROLLER: u32 = 1;
const COLLEAGUE: u32 = 3;
const STRANGER: u32 = 2;
const BLIND: u32 = 7;
const DAEMON: u32 = 9;
/// A rig with an account of the group.
struct Office {
    polkit: Polkit,
    rig: Rig,
    document: String,
    people: People,
}

impl Office {
    /// `rules`: besides the one that lets the group's account be made.
    fn open(rules: &str) -> Option<Self> {
        Self::open_with(rules, 1)
    }

    /// So many members must approve what is signed.
    fn open_with(rules: &str, approvals: u8) -> Option<Self> {
        if !requirements::is_root("try what other users can do") {
            return None;
        }
        let people = People::new(&[ENROLLER, COLLEAGUE, BLIND]);
        let plan = Plan::default().daemon_user(DAEMON);
        let rig = plan.daemon_view(people.groups()).start()?;
        let polkit = polkit(&rig, &format!("{rules}\n{ENROLLER_ADMINISTERS}"))?;
        let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
        let (group, _) = GROUP;
        let arguments = [
            "enrol",
            "--service",
            SERVICE_NAME,
            "--group",
            group,
            "--approvals",
            &approvals.to_string(),
            "--secrets-stdin",
        ];
        let enrolled = member(&rig, ENROLLER).json(&arguments, &[&code, PIN1, PIN2]);
        let document = enrolled.must_be(code::DONE).value()["documentNumber"]
            .as_str()
            .unwrap()
            .to_owned();
        rig.device.wait_until_connected(&document);
        Some(Self {
            polkit,
            rig,
            document,
            people,
        })
    }

    fn member(&self, uid: u32) -> Cli {
        member(&self.rig, uid)
    }

    /// A member on a machine where people have these tests' passwords.
    fn member_with_password(&self, uid: u32) -> Cli {
        let view = self.people.passwords(self.rig.device.bus());
        self.member(uid).seeing(view)
    }

    /// Asks for a login, and answers with it and with the transaction's name.
    fn ask(&self) -> (Login, String) {
        let target = Target::Document(self.document.clone());
        let login = self.rig.relying_party.login(&target, USUAL, "Log in?");
        let id = self.rig.device.id_of(&login.verification_code);
        (login, id)
    }

    /// The relying party's own verdict on how a login ended.
    fn verify(&self, login: &Login) {
        let status = self.rig.relying_party.wait(&login.session, SOON);
        let trust = self.rig.service.folder().trust();
        login.verify(&status, SCHEME, &trust).unwrap();
    }
}

fn member(rig: &Rig, uid: u32) -> Cli {
    let folder = rig.folder.sub(&format!("user-{uid}"));
    rig.device.cli.by(in_group(uid), &folder)
}

fn in_group(uid: u32) -> Somebody {
    let groups = vec![GROUP.1];
    Somebody { uid, groups }
}

fn stranger(rig: &Rig) -> Cli {
    let folder = rig.folder.sub("stranger");
    rig.device.cli.by(Somebody::alone(STRANGER), &folder)
}

fn polkit(rig: &Rig, rules: &str) -> Option<Polkit> {
    let users = [
        ("ENROLLER", ENROLLER),
        ("COLLEAGUE", COLLEAGUE),
        ("BLIND", BLIND),
    ];
    let rules = users
        .into_iter()
        .fold(rules.to_owned(), |rules, (word, uid)| {
            rules.replace(word, &format!("\"{}\"", name_of(uid)))
        });
    let folder = rig.folder.sub("polkit");
    Polkit::start(
        &folder,
        &rig.folder.logs(),
        rig.device.bus(),
        DAEMON,
        &rules,
    )
}

const ENROLLER_ADMINISTERS: &str = r#"
polkit.addRule(function(action, subject) {
    if (action.id == "org.symbolon.Symbolon1.administer" && subject.user == ENROLLER)
        return polkit.Result.YES;
});
"#;

fn pending(cli: &Cli) -> Value {
    cli.json(&["pending"], &[]).must_be(code::DONE).value()
}

fn refused(said: Said) {
    said.must_be(code::NOT_AUTHORISED);
}

fn not_found(said: Said) {
    let said = said.must_be(code::NOT_FOUND);
    assert!(!said.out.contains(PERSON) && !said.err.contains("MAASIKAS"));
}

#[test]
fn s141_a_colleague_sees_and_approves_and_a_stranger_does_not() {
    let Some(office) = Office::open("") else {
        return;
    };
    let rig = &office.rig;
    let overheard = rig.device.listener(Some(&Somebody::alone(STRANGER)));
    let heard = rig.device.listener(Some(&in_group(COLLEAGUE)));
    let (login, id) = office.ask();
    assert_eq!(heard.wait_for("Offered"), format!("Offered {id}"));

    let stranger = stranger(rig);
    for (what, empty) in [("accounts", "accounts"), ("pending", "transactions")] {
        let seen = stranger.json(&[what], &[]).must_be(code::DONE).value();
        assert_eq!(seen[empty], json!([]), "{what}");
    }
    not_found(stranger.run(&["approve", &id, "--pin-stdin"], &[PIN1]));
    not_found(stranger.run(&["refuse", &id], &[]));
    not_found(stranger.run(&["history", &office.document], &[]));
    not_found(stranger.run(&["delete", &office.document, "--yes"], &[]));
    // Root sees, and is no colleague.
    assert_eq!(rig.device.pending().len(), 1);
    refused(rig.device.approve(&id, PIN1));

    let colleague = office.member(COLLEAGUE);
    let account = colleague.json(&["accounts"], &[]).value()["accounts"][0].clone();
    assert_eq!(account["group"], GROUP.0);
    assert_eq!(pending(&colleague)["transactions"][0]["id"], id);
    colleague
        .run(&["approve", &id, "--pin-stdin"], &[PIN1])
        .must_be(code::DONE);
    office.verify(&login);
    assert_eq!(
        heard.wait_for("Withdrawn"),
        format!("Withdrawn {id} approved")
    );
    assert_eq!(overheard.signals(), Vec::<String>::new());

    // The account is the group's, also over a restart: who made it has no right of their own.
    let (_, id) = office.ask();
    let folder = rig.folder.sub("left");
    let left = rig.device.cli.by(Somebody::alone(ENROLLER), &folder);
    not_found(left.run(&["approve", &id, "--pin-stdin"], &[PIN1]));
}

#[test]
fn s142_polkit_denies_a_member_and_without_polkit_nobody_answers() {
    let rules = r#"
        polkit.addRule(function(action, subject) {
            if (action.id == "org.symbolon.Symbolon1.approve" && subject.user == COLLEAGUE
                && action.lookup("purpose") == "authentication")
                return polkit.Result.NO;
            if (action.id == "org.symbolon.Symbolon1.see" && subject.user == BLIND)
                return polkit.Result.NO;
        });
    "#;
    let Some(mut office) = Office::open(rules) else {
        return;
    };
    let (login, id) = office.ask();
    let approve = |cli: &Cli| cli.run(&["approve", &id, "--pin-stdin"], &[PIN1]);
    let colleague = office.member(COLLEAGUE);
    assert_eq!(pending(&colleague)["transactions"][0]["id"], id);
    let said = approve(&colleague);
    assert!(
        said.err.contains("org.symbolon.Symbolon1.approve"),
        "{said:?}"
    );
    refused(said);
    refused(colleague.run(&["refuse", &id], &[]));

    let blind = office.member(BLIND);
    assert_eq!(pending(&blind)["transactions"], json!([]));
    not_found(approve(&blind));

    office.polkit.kill9();
    let enroller = office.member(ENROLLER);
    let said = approve(&enroller);
    assert!(said.err.contains("could not be asked"), "{said:?}");
    refused(said);
    let seen = pending(&enroller);
    assert_eq!(seen["transactions"], json!([]));
    let withheld = seen["withheld"].as_str().unwrap();
    assert!(withheld.contains("could not be asked"), "{withheld}");
    assert!(office.rig.relying_party.is_running(&login.session));

    let polkit = polkit(&office.rig, rules);
    office.polkit = polkit.unwrap();
    approve(&enroller).must_be(code::DONE);
    office.verify(&login);
    // None of the refused answers was a try.
    let pin1 = office.rig.device.standing(&office.document, "pin1");
    assert_eq!(pin1["triesLeft"], 3);
}

#[test]
fn s143_pin_and_account_are_an_administrators() {
    let rules = r#"
        polkit.addRule(function(action, subject) {
            if (action.id == "org.symbolon.Symbolon1.administer" && subject.user == BLIND)
                return polkit.Result.NO;
        });
    "#;
    let Some(office) = Office::open(rules) else {
        return;
    };
    let document = &office.document;
    let change = ["pin", "change", "pin1", document, "--pins-stdin"];
    // By default an administrator must authenticate, whom nothing can ask here; a rule says no.
    for member in [COLLEAGUE, BLIND] {
        let member = office.member(member);
        refused(member.run(&change, &[PIN1, "7294"]));
        refused(member.run(&["delete", document, "--yes"], &[]));
        let code = office
            .rig
            .service
            .folder()
            .invite(PERSON, "Mari", "Maasikas");
        let (group, _) = GROUP;
        let enrol = ["enrol", "--group", group, "--secrets-stdin"];
        refused(member.run(&enrol, &[&code, PIN1, PIN2]));
    }
    // A group that one is not in is none to make an account for.
    let mine = ["enrol", "--group", GROUP.0, "--secrets-stdin"];
    refused(stranger(&office.rig).run(&mine, &["AAAA-BBBB-CCCC", PIN1, PIN2]));

    office
        .member(ENROLLER)
        .run(&change, &[PIN1, "7294"])
        .must_be(code::DONE);
    let (login, id) = office.ask();
    office
        .member(COLLEAGUE)
        .run(&["approve", &id, "--pin-stdin"], &["7294"])
        .must_be(code::DONE);
    office.verify(&login);

    // Root administers without asking anybody.
    let root = &office.rig.device.cli;
    root.run(&["delete", document, "--yes"], &[])
        .must_be(code::DONE);
    assert_eq!(
        pending(&office.member(COLLEAGUE))["transactions"],
        json!([])
    );
}

#[test]
fn s144_the_history_names_who_did_what() {
    let Some(office) = Office::open("") else {
        return;
    };
    let colleague = office.member(COLLEAGUE);
    let (_, id) = office.ask();
    colleague
        .run(&["approve", &id, "--pin-stdin"], &["80467"])
        .must_be(code::WRONG_PIN);
    let enroller = office.member(ENROLLER);
    enroller.run(&["refuse", &id], &[]).must_be(code::DONE);
    let (login, id) = office.ask();
    colleague
        .run(&["approve", &id, "--pin-stdin"], &[PIN1])
        .must_be(code::DONE);
    office.verify(&login);

    let history = colleague.json(&["history", &office.document], &[]).value();
    let told: Vec<_> = history["entries"].as_array().unwrap().iter().collect();
    let by = |uid: u32| json!({"uid": uid, "name": name_of(uid)});
    for (entry, (event, uid)) in told.into_iter().zip([
        ("approved", COLLEAGUE),
        ("refused", ENROLLER),
        ("wrongPin", COLLEAGUE),
        ("enrolled", ENROLLER),
    ]) {
        assert_eq!(entry["event"], event);
        assert_eq!(entry["by"], by(uid), "{event}");
    }
    let shown = colleague.run(&["history", &office.document], &[]).out;
    let named = format!("{} ({COLLEAGUE})", name_of(COLLEAGUE));
    assert!(shown.contains(&named), "{shown}");
    colleague
        .run(&["history", "--verify", &office.document], &[])
        .must_be(code::DONE);
}

#[test]
fn s145_two_of_the_group_must_approve_and_the_last_types_the_pin() {
    let Some(office) = Office::open_with("", 2) else {
        return;
    };
    let (first, second) = (office.member(COLLEAGUE), office.member(ENROLLER));
    let alone = |cli: &Cli, id: &str| cli.run(&["approve", id, "--pin-stdin"], &[PIN1]);
    let agree = |cli: &Cli, id: &str| cli.json(&["approve", id, "--consent", "--pin-stdin"], &[]);
    let heard = office.rig.device.listener(Some(&in_group(ENROLLER)));

    let (login, id) = office.ask();
    refused(alone(&first, &id));
    refused(alone(&second, &id));
    // Twice by the same colleague is once, and opens nothing to them.
    for _ in 0..2 {
        let agreed = agree(&first, &id).must_be(code::DONE).value();
        assert_eq!(agreed["needed"], 2);
        assert_eq!(agreed["given"].as_array().unwrap().len(), 1);
    }
    refused(alone(&first, &id));
    assert_eq!(
        heard.wait_for("Agreed"),
        format!("Agreed {id} {} ({COLLEAGUE})", name_of(COLLEAGUE))
    );
    assert!(office.rig.relying_party.is_running(&login.session));
    let stranger = stranger(&office.rig);
    not_found(agree(&stranger, &id));

    alone(&second, &id).must_be(code::DONE);
    office.verify(&login);
    let history = second.json(&["history", &office.document], &[]).value();
    let by = |uid: u32| json!({"uid": uid, "name": name_of(uid)});
    let entries = &history["entries"];
    assert_eq!(entries[0]["event"], "approved");
    assert_eq!(entries[0]["by"], by(ENROLLER));
    assert_eq!(entries[0]["agreed"], json!([by(COLLEAGUE)]));
    assert_eq!(entries[1]["event"], "agreed");
    assert_eq!(entries[1]["by"], by(COLLEAGUE));
    assert_eq!(entries[2]["event"], "enrolled");

    // An agreement is to one request alone, and no PIN was tried in vain.
    let (_, next) = office.ask();
    refused(alone(&second, &next));
    let pin1 = office.rig.device.standing(&office.document, "pin1");
    assert_eq!(pin1["triesLeft"], 3);
}

#[test]
fn s146_who_administers_is_asked_to_authenticate_at_their_terminal() {
    if requirements::find_program("pkttyagent").is_none() {
        requirements::skipped("pkttyagent (package polkitd, or polkit)");
        return;
    }
    let Some(office) = Office::open("") else {
        return;
    };
    let mut terminal = office
        .member(COLLEAGUE)
        .at_terminal(&["delete", &office.document, "--yes"]);
    terminal
        .reads("AUTHENTICATING FOR org.symbolon.Symbolon1.administer")
        .reads("Password: ")
        .types("no administrator's password\n");
    assert_eq!(terminal.exit_code(), code::NOT_AUTHORISED);
    assert!(!terminal.seen().contains("administrator's password"));
    // With the administrator's it is done.
    let change = ["pin", "change", "pin1", &office.document];
    let mut terminal = office.member_with_password(COLLEAGUE).at_terminal(&change);
    for pin in [PIN1, "7294", "7294"] {
        terminal
            .reads("PIN1")
            .reads(": ")
            .types(&format!("{pin}\n"));
    }
    terminal
        .reads("AUTHENTICATING FOR org.symbolon.Symbolon1.administer")
        .reads("Password: ")
        .types(&format!("{PASSWORD}\n"))
        .reads("AUTHENTICATION COMPLETE");
    assert_eq!(terminal.exit_code(), code::DONE);
    assert!(!terminal.seen().contains(PASSWORD));
    // Who only answers is asked for nothing but the PIN.
    let (login, id) = office.ask();
    let mut terminal = office.member(COLLEAGUE).at_terminal(&["approve", &id]);
    terminal.reads("PIN1: ").types("7294\n");
    assert_eq!(terminal.exit_code(), code::DONE);
    assert!(!terminal.seen().contains("org.symbolon"));
    office.verify(&login);
}

#[test]
fn s188_who_is_taken_out_of_the_group_is_out_at_once() {
    let Some(office) = Office::open("") else {
        return;
    };
    let rig = &office.rig;
    let leaver = office.member(COLLEAGUE);
    let heard = rig.device.listener(Some(&in_group(COLLEAGUE)));
    let stays = rig.device.listener(Some(&in_group(ENROLLER)));
    let (first, id) = office.ask();
    assert_eq!(heard.wait_for("Offered"), format!("Offered {id}"));

    // Their processes keep the group until they end.
    office.people.are_members(&[ENROLLER, BLIND]);
    let seen = leaver.json(&["accounts"], &[]).must_be(code::DONE).value();
    assert_eq!(seen["accounts"], json!([]));
    assert_eq!(pending(&leaver)["transactions"], json!([]));
    not_found(leaver.run(&["approve", &id, "--pin-stdin"], &[PIN1]));
    not_found(leaver.run(&["refuse", &id], &[]));
    not_found(leaver.run(&["history", &office.document], &[]));
    assert!(rig.relying_party.is_running(&first.session));
    office
        .member(ENROLLER)
        .run(&["approve", &id, "--pin-stdin"], &[PIN1])
        .must_be(code::DONE);
    office.verify(&first);
    let withdrawn = format!("Withdrawn {id} approved");
    assert_eq!(stays.wait_for("Withdrawn"), withdrawn);

    // In the list alone is not in the group: who was added logs in anew.
    office.people.are_members(&[ENROLLER, STRANGER]);
    let (_, id) = office.ask();
    not_found(stranger(rig).run(&["refuse", &id], &[]));
    assert!(!heard.signals().contains(&withdrawn));
}

#[test]
fn s189_who_must_authenticate_to_approve_is_asked_at_their_terminal() {
    if requirements::find_program("pkttyagent").is_none() {
        requirements::skipped("pkttyagent (package polkitd, or polkit)");
        return;
    }
    let rules = r#"
        polkit.addRule(function(action, subject) {
            if (action.id == "org.symbolon.Symbolon1.approve" && subject.user == COLLEAGUE)
                return polkit.Result.AUTH_SELF_KEEP;
        });
    "#;
    let Some(office) = Office::open(rules) else {
        return;
    };
    let (login, id) = office.ask();
    // A script has nobody to ask.
    let said = office
        .member(COLLEAGUE)
        .run(&["approve", &id, "--pin-stdin"], &[PIN1]);
    assert!(said.err.contains("must authenticate"), "{said:?}");
    refused(said);

    let colleague = office.member_with_password(COLLEAGUE);
    let asked = format!("AUTHENTICATING FOR {}", "org.symbolon.Symbolon1.approve");
    let mut terminal = colleague.at_terminal(&["approve", &id]);
    terminal
        .reads(&asked)
        .reads("Password: ")
        .types("not theirs\n");
    assert_eq!(terminal.exit_code(), code::NOT_AUTHORISED);
    assert!(!terminal.seen().contains("PIN1"));

    // Once for a command: what is kept serves for the PIN too.
    let mut terminal = colleague.at_terminal(&["approve", &id]);
    terminal
        .reads(&asked)
        .reads("Password: ")
        .types(&format!("{PASSWORD}\n"))
        .reads("PIN1: ")
        .types(&format!("{PIN1}\n"));
    assert_eq!(terminal.exit_code(), code::DONE);
    assert_eq!(terminal.seen().matches(&asked).count(), 1);
    office.verify(&login);

    let (login, id) = office.ask();
    let mut terminal = colleague.at_terminal(&["refuse", &id]);
    terminal
        .reads(&asked)
        .reads("Password: ")
        .types(&format!("{PASSWORD}\n"));
    assert_eq!(terminal.exit_code(), code::DONE);
    assert!(!office.rig.relying_party.is_running(&login.session));
    let pin1 = office.rig.device.standing(&office.document, "pin1");
    assert_eq!(pin1["triesLeft"], 3);
}
