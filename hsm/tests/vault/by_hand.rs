//! A token as others use it, in this process: the vault's has a start and a login of its own.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

/// The module, started.
pub(crate) fn started(module: &Path) -> Pkcs11 {
    let module = Pkcs11::new(module).unwrap();
    let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(locking).unwrap();
    module
}

/// Does something in a session that is logged in.
pub(crate) fn logged_in<T>(module: &Path, pin: &str, act: impl FnOnce(&Session) -> T) -> T {
    let module = started(module);
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_ro_session(slot).unwrap();
    session
        .login(UserType::User, Some(&AuthPin::from(pin)))
        .unwrap();
    let done = act(&session);
    drop(session);
    // So that the next look reads anew what the other process wrote.
    module.finalize().unwrap();
    done
}
