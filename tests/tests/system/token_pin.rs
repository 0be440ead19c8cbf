//! The PIN of a token that only a person has.

use symbolon_tests::cli::{Cli, Said, code};
use symbolon_tests::keyring::Keyring;
use symbolon_tests::obstinate::Obstinate;
use symbolon_tests::process::{Somebody, program};
use symbolon_tests::requirements;
use symbolon_tests::rig::{Plan, Rig};
use symbolon_tests::token::PIN;

/// Users that every machine has: one that the configuration does not name, and `nobody`.
const STRANGER: u32 = 2;
const NOBODY: u32 = 65534;

/// A rig whose daemon was started anew, without the PIN of its token.
fn rig() -> Option<(Rig, String)> {
    let plan = Plan::default().obstinate_token();
    let (mut rig, document) = plan.start().map(Rig::with_account)?;
    let nobody_waits = unlock(&rig.device.cli, PIN);
    assert!(nobody_waits.err.contains("ask_pin"), "{nobody_waits:?}");
    rig.device.daemon.surroundings().asked_pin = true;
    rig.device.daemon.restart();
    Some((rig, document))
}

fn unlock(cli: &Cli, pin: &str) -> Said {
    cli.run(&["unlock", "--pin-stdin"], &[pin])
}

#[test]
fn s172_the_pin_of_a_token_is_asked_for_and_kept_until_a_restart() {
    if !requirements::is_root("be another user") {
        return;
    }
    let Some((mut rig, document)) = rig() else {
        return;
    };
    let doctor = rig.device.cli.run(&["doctor"], &[]);
    assert!(doctor.out.contains("symbolon unlock"), "{doctor:?}");
    let folder = rig.folder.sub("users");
    rig.folder.let_others_through();
    let by = |uid| rig.device.cli.by(Somebody::alone(uid), &folder);
    unlock(&by(STRANGER), PIN).must_be(code::NOT_AUTHORISED);

    // A wrong one is forgotten, and another may be tried without a restart.
    let wrong = unlock(&rig.device.cli, "99999").must_be(code::HARDWARE);
    assert!(wrong.err.contains("refused the PIN"), "{wrong:?}");
    unlock(&by(NOBODY), PIN).must_be(code::DONE);
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);

    // What is there is not replaced by what may be wrong, and serves the next login to the token.
    unlock(&rig.device.cli, "99999").must_be(code::DONE);
    Obstinate::before(&rig.device.token()).command("crash-once C_Sign");
    rig.log_in(&document);

    rig.device.daemon.restart();
    let doctor = rig.device.cli.run(&["doctor"], &[]);
    assert!(doctor.out.contains("symbolon unlock"), "{doctor:?}");
}

#[test]
fn s173_the_pin_of_a_token_comes_from_a_sessions_keyring() {
    let Some((rig, document)) = rig() else {
        return;
    };
    let Some(keyring) = Keyring::start(&rig.folder.sub("session"), &rig.folder.logs()) else {
        return;
    };
    let bus = rig.device.bus_address();
    let unlock = ["--bus", &bus, "unlock", "--pin-stdin"];
    let unlocked = || keyring.pipe_into(&program("symbolon"), &unlock).success();
    assert!(keyring.store("99999").success() && !unlocked());
    assert!(keyring.store(PIN).success() && unlocked());
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
}
