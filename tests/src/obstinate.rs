//! A token that stops at a chosen call: SoftHSM2 behind the tests' own PKCS#11 module.

use std::path::{Path, PathBuf};

use crate::token::{Token, TokenAt};

/// The module's commands for one token.
pub struct Obstinate {
    soft: TokenAt,
    commands: PathBuf,
}

impl Obstinate {
    /// Before a token of SoftHSM2.
    pub fn before(token: &Token) -> Self {
        Self {
            soft: token.at(),
            commands: token.folder().join("commands"),
        }
    }

    /// How a program finds it.
    pub fn at(&self) -> TokenAt {
        let mut at = self.soft.clone();
        let forwards_to = std::mem::replace(&mut at.module, module());
        at.environment.extend([
            ("OBSTINATE_FORWARDS_TO", forwards_to.into()),
            ("OBSTINATE_COMMANDS", self.commands.clone().into()),
        ]);
        at
    }

    /// From now on, so many calls of these functions come back, and the next one does not.
    pub fn hang_after(&self, calls: usize, functions: &[&str]) {
        std::fs::remove_file(self.hanging()).ok();
        self.command(&format!("hang-after {calls} {}\n", functions.join(" ")));
    }

    /// Gives it other commands: the module itself lists them.
    pub fn command(&self, text: &str) {
        // Whole or not at all: the module may be reading.
        let unfinished = self.commands.with_extension("unfinished");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(unfinished, &self.commands).unwrap();
    }

    /// Whether a command that counts for one call is still to come.
    pub fn waits(&self) -> bool {
        self.commands.exists()
    }

    /// The function in which a call hangs now, if one does.
    pub fn hangs_in(&self) -> Option<String> {
        std::fs::read_to_string(self.hanging()).ok()
    }

    /// Has every call come back.
    pub fn behave(&self) {
        std::fs::remove_file(&self.commands).ok();
        std::fs::remove_file(self.hanging()).ok();
    }

    fn hanging(&self) -> PathBuf {
        hanging(&self.commands)
    }
}

/// The module, which only a test program that depends on it has beside it.
fn module() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.with_file_name("libobstinate_module.so")
}

/// Where the module says that a call hangs.
fn hanging(commands: &Path) -> PathBuf {
    commands.with_extension("hanging")
}
