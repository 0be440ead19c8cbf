//! A SoftHSM2 token of its own for each test.
//!
//! SoftHSM2 reads the environment variable that names its configuration once in a process, so each
//! test that uses a token runs in a process of its own: the test program starts itself again.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The label of the token that every test gets.
pub(crate) const LABEL: &str = "symbolon-test";
/// Its user PIN.
pub(crate) const PIN: &str = "70312";

const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// What the obstinate module is told, in the test's folder.
const COMMANDS: &str = "commands";
const FOLDER: &str = "SYMBOLON_TEST_FOLDER";

/// Where distributions put the module. The product is told by its configuration.
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
];

/// A process with a token of its own.
pub(crate) struct TokenHouse {
    folder: PathBuf,
    module: PathBuf,
}

/// Not a test but this program as the process in which a PKCS#11 module runs: the argument for that
/// names, for the test program, this function.
#[test]
fn token_process() {
    symbolon_hsm::become_the_modules_process_if_asked();
}

/// Runs `body` in a process of its own with a fresh token. `test` is the test's own name.
#[allow(dead_code, reason = "each test program uses some of this module")]
pub(crate) fn with_token(test: &str, body: impl FnOnce(&TokenHouse)) {
    if let Some(house) = in_own_process(test) {
        body(&house);
    }
}

/// In a process of the test's own, its fresh token; `None` in the process that started that one
/// and saw it succeed.
pub(crate) fn in_own_process(test: &str) -> Option<TokenHouse> {
    let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.exists()) else {
        skip(test, "there is no SoftHSM2");
        return None;
    };
    if let Some(house) = TokenHouse::of_this_process(&module) {
        return Some(house);
    }
    let folder = TempDir::new().unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(
        &configuration,
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        ),
    )
    .unwrap();
    add_token(&configuration, LABEL, PIN);
    run_again(test, folder.path(), &module, |command| {
        command.env(CONFIGURATION, &configuration);
    });
    None
}

/// Says that a test is left out. In CI nothing may be.
pub(crate) fn skip(test: &str, reason: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{test}: {reason}, and CI is set"
    );
    eprintln!("SKIPPED: {test}: {reason}");
}

/// Runs one test once more, in a process that finds a token in `folder` by what `environment`
/// adds, and sees it succeed.
pub(crate) fn run_again(
    test: &str,
    folder: &Path,
    module: &Path,
    environment: impl FnOnce(&mut Command),
) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        // For tests that put the obstinate module before it.
        .env("OBSTINATE_FORWARDS_TO", module)
        .env("OBSTINATE_COMMANDS", folder.join(COMMANDS));
    environment(&mut command);
    let status = command.status().unwrap();
    assert!(status.success(), "{test} failed in its own process");
}

impl TokenHouse {
    /// The one that the process which started this one made; `None` in that process.
    pub(crate) fn of_this_process(module: &Path) -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        Some(Self {
            folder: folder.into(),
            module: module.into(),
        })
    }

    /// The test's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file by which the obstinate module is told what to do.
    #[allow(dead_code, reason = "each test program uses some of this module")]
    pub(crate) fn commands(&self) -> PathBuf {
        self.folder.join(COMMANDS)
    }

    /// SoftHSM2 behind the obstinate module, which cargo puts beside the test programs that depend
    /// on it.
    #[allow(dead_code, reason = "each test program uses some of this module")]
    #[allow(clippy::unused_self, reason = "beside `module`")]
    pub(crate) fn obstinate_module(&self) -> PathBuf {
        let program = std::env::current_exe().unwrap();
        program.parent().unwrap().join("libobstinate_module.so")
    }

    /// The module.
    #[allow(dead_code, reason = "each test program uses some of this module")]
    pub(crate) fn module(&self) -> &Path {
        &self.module
    }

    /// Adds a token, before the module is first started.
    #[allow(dead_code, reason = "each test program uses some of this module")]
    pub(crate) fn add(&self, label: &str, pin: &str) {
        add_token(&self.folder.join("softhsm2.conf"), label, pin);
    }
}

fn add_token(configuration: &Path, label: &str, pin: &str) {
    let output = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label])
        .args(["--pin", pin, "--so-pin", "80312"])
        .env(CONFIGURATION, configuration)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
