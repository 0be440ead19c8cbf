//! A token of NSS's software module, softokn: a database in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::requirements;
use crate::token::{PIN, TokenAt, write_private};

/// The label that NSS gives to the token with a database's keys.
const LABEL: &str = "NSS Certificate DB";

/// Folders in which distributions put the module.
const MODULES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
];

/// Makes one in `folder`; `None`, after a word about it, where NSS is missing.
pub fn create(folder: &Path) -> Option<TokenAt> {
    let module = MODULES.iter().map(PathBuf::from).find(|it| it.is_file());
    let (Some(module), Some(certutil)) = (module, requirements::find_program("certutil")) else {
        requirements::skipped("NSS and its certutil (packages libnss3, libnss3-tools)");
        return None;
    };
    let pin_file = folder.join("nss-pin");
    write_private(&pin_file, PIN);
    let database = format!("sql:{}", folder.display());
    let made = Command::new(certutil)
        .args(["-N", "-d", &database, "-f"])
        .arg(&pin_file)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "certutil: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    Some(TokenAt {
        module,
        label: LABEL.into(),
        pin_file,
        init_reserved: Some(format!(
            "configdir='{database}' certPrefix='' keyPrefix='' secmod='secmod.db'"
        )),
        environment: Vec::new(),
    })
}
