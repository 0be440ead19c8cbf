//! A kryoptic token: built from its authors' crate by `make kryoptic`, into `target/kryoptic`.

use std::path::{Path, PathBuf};

use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use tempfile::TempDir;

use crate::bench::TokenBench;
use crate::by_hand::started;
use crate::softhsm::{LABEL, TokenHouse, run_again, skip};

/// The user PIN: kryoptic takes none below eight characters.
pub(crate) const PIN: &str = "70312-70312";
const SECURITY_OFFICERS_PIN: &str = "80312-80312";

/// A token of the running test's own; `None` in the process that started that test's own one.
pub(crate) fn start() -> Option<TokenBench> {
    let house = house()?;
    Some(TokenBench::new(house, LABEL, PIN))
}

/// The same without a bench.
pub(crate) fn house() -> Option<TokenHouse> {
    let thread = std::thread::current();
    let test = thread.name().expect("a test's thread has its name");
    let module = module();
    if !module.exists() {
        skip(test, "kryoptic is not built; `make kryoptic` builds it");
        return None;
    }
    if let Some(house) = TokenHouse::of_this_process(&module) {
        initialize(&module);
        return Some(house);
    }
    let folder = TempDir::new().unwrap();
    let configuration = folder.path().join("kryoptic.toml");
    let store = folder.path().join("token.sqlite");
    let text = format!(
        "[[slots]]\nslot = 7\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
        store.display()
    );
    std::fs::write(&configuration, text).unwrap();
    run_again(test, folder.path(), &module, |command| {
        command.env("KRYOPTIC_CONF", &configuration);
    });
    None
}

/// Where `make kryoptic` puts it.
fn module() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    workspace.join("target/kryoptic/debug/libkryoptic_pkcs11.so")
}

/// Makes the token. There is no program for it, as there is for SoftHSM2.
fn initialize(module: &Path) {
    let pkcs11 = started(module);
    let slot = pkcs11.get_slots_with_token().unwrap()[0];
    let security_officer = AuthPin::from(SECURITY_OFFICERS_PIN);
    pkcs11.init_token(slot, &security_officer, LABEL).unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    session
        .login(UserType::So, Some(&security_officer))
        .unwrap();
    session.init_pin(&AuthPin::from(PIN)).unwrap();
    session.logout().unwrap();
    drop(session);
    pkcs11.finalize().unwrap();
}
