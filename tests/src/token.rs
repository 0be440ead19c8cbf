//! A SoftHSM2 token of one's own.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::requirements;

/// The token's label in the service's configuration.
pub const LABEL: &str = "symbolon";

/// The user PIN of test tokens. It protects nothing.
pub const PIN: &str = "73519";

/// A token as a program's configuration names it, and the environment that its module needs.
#[derive(Debug, Clone)]
pub struct TokenAt {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// A private file with its user PIN.
    pub pin_file: PathBuf,
    /// What its module is told when it is started.
    pub init_reserved: Option<String>,
    /// Environment variables.
    pub environment: Vec<(&'static str, OsString)>,
}

impl TokenAt {
    /// What a configuration says of the token, but for its PIN.
    pub fn settings(&self) -> String {
        let Self { module, label, .. } = self;
        let mut settings = format!("module = \"{}\"\ntoken = \"{label}\"\n", module.display());
        if let Some(reserved) = &self.init_reserved {
            settings += &format!("init_reserved = \"{reserved}\"\n");
        }
        settings
    }
}

/// A token store in a folder.
pub struct Token {
    folder: PathBuf,
}

impl Token {
    /// Makes a store with one empty token in `folder`.
    pub fn create(folder: &Path) -> Self {
        let token = Self::open(folder);
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", PIN, "--so-pin", PIN])
            .env("SOFTHSM2_CONF", token.configuration())
            .output()
            .expect("softhsm2-util runs");
        assert!(
            made.status.success(),
            "softhsm2-util: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        token
    }

    /// A store that is in `folder` already, perhaps as a copy: its configuration names the folder
    /// and is written anew.
    pub fn open(folder: &Path) -> Self {
        let token = Self {
            folder: folder.into(),
        };
        let tokens = folder.join("tokens");
        std::fs::create_dir_all(&tokens).unwrap();
        std::fs::write(
            token.configuration(),
            format!(
                "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n\
                 slots.removable = false\n",
                tokens.display()
            ),
        )
        .unwrap();
        write_private(&token.pin_file(), PIN);
        token
    }

    /// How many objects are on its tokens. SoftHSM2 keeps each in a file, and one more for the token.
    pub fn objects(&self) -> usize {
        let tokens = std::fs::read_dir(self.folder.join("tokens")).unwrap();
        let files = tokens.flat_map(|token| std::fs::read_dir(token.unwrap().path()).unwrap());
        files
            .map(|file| file.unwrap().path())
            .filter(|file| file.extension().is_some_and(|ending| ending == "object"))
            .filter(|file| file.file_stem().is_some_and(|name| name != "token"))
            .count()
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How a program finds it.
    pub fn at(&self) -> TokenAt {
        TokenAt {
            module: Self::module(),
            label: LABEL.into(),
            pin_file: self.pin_file(),
            init_reserved: None,
            environment: vec![("SOFTHSM2_CONF", self.configuration().into())],
        }
    }

    /// SoftHSM2's configuration, for `SOFTHSM2_CONF`.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// Where the service reads the PIN.
    pub fn pin_file(&self) -> PathBuf {
        self.folder.join("hsm-pin")
    }

    /// The PKCS#11 module.
    pub fn module() -> PathBuf {
        requirements::find_softhsm_module().expect("SoftHSM2 is installed")
    }
}

/// Writes what its owner alone may read.
pub(crate) fn write_private(file: &Path, content: &str) {
    std::fs::write(file, content).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}
