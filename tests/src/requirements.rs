//! The programs and modules of others that the rig is made of.

use std::path::PathBuf;

/// What the rig needs, and which package of Debian and of Fedora brings it.
const PROGRAMS: &[(&str, &str)] = &[
    ("swtpm", "swtpm"),
    ("dbus-daemon", "dbus-daemon"),
    ("openssl", "openssl"),
    ("softhsm2-util", "softhsm2"),
];

/// Folders in which distributions put SoftHSM2's PKCS#11 module.
const SOFTHSM_MODULES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

/// Whether everything that the rig needs is here. Says what is not: loudly on a developer's
/// machine, as a failure where `CI` is set.
pub fn met() -> bool {
    let mut missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(program, package)| format!("{program} (package {package})"))
        .collect();
    if find_softhsm_module().is_none() {
        missing.push("SoftHSM2's PKCS#11 module (package softhsm2)".into());
    }
    missing.is_empty() || skipped(&missing.join(", "))
}

/// Says that a test is skipped for want of something. Always `false`.
///
/// # Panics
/// Where `CI` is set: there nothing may be missing.
pub fn skipped(for_want_of: &str) -> bool {
    let told = format!("missing: {for_want_of}; packaging/install-dependencies installs it");
    assert!(std::env::var_os("CI").is_none(), "{told}");
    eprintln!("SKIPPED: {told}");
    false
}

/// Whether the test runs as root, who alone can do what is named. Says so if not.
///
/// # Panics
/// Where `CI` is set: there nothing may be left out.
pub fn is_root(to_do: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let told = format!("only root can {to_do}");
    assert!(std::env::var_os("CI").is_none(), "{told}");
    eprintln!("SKIPPED: {told}");
    false
}

/// A program on the search path, or where system programs are.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// SoftHSM2's PKCS#11 module.
pub fn find_softhsm_module() -> Option<PathBuf> {
    SOFTHSM_MODULES
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

/// polkit's daemon, which no search path leads to.
pub fn find_polkitd() -> Option<PathBuf> {
    [
        "/usr/lib/polkit-1/polkitd",
        "/usr/libexec/polkit-1/polkitd",
        "/usr/libexec/polkitd",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

/// The library that moves a process's clock; the one made for programs with threads.
pub fn find_libfaketime() -> Option<PathBuf> {
    let folders = ["/usr/lib", "/usr/lib64"];
    let triplets = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    triplets
        .map(|entry| entry.path())
        .chain(folders.iter().map(PathBuf::from))
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
}
