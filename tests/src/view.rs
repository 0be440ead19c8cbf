//! Files of a test's own in the place of the machine's, seen by one process and its children alone.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Puts each first of a pair in the place of the second, then becomes the command after `--`.
const IN_ITS_OWN_VIEW: &str = r#"
    set -e
    mount --make-rprivate /
    while [ "$1" != -- ]; do
        mount --bind "$1" "$2"
        shift 2
    done
    shift
    exec "$@"
"#;

/// What is seen otherwise. Only root can have a process see it.
#[derive(Debug, Clone, Default)]
pub struct View(Vec<(PathBuf, PathBuf)>);

impl View {
    /// With a file or folder in the place of another of the same kind, which must be there.
    #[must_use]
    pub fn with(mut self, own: impl Into<PathBuf>, in_place_of: impl Into<PathBuf>) -> Self {
        self.0.push((own.into(), in_place_of.into()));
        self
    }

    /// A command that begins a program in this view. Environment and streams are the caller's.
    pub fn of(&self, command: &Command) -> Command {
        let mut program = vec![command.get_program().to_owned()];
        program.extend(command.get_args().map(OsString::from));
        if self.0.is_empty() {
            let mut same = Command::new(&program[0]);
            same.args(&program[1..]);
            return same;
        }
        let mut seeing = Command::new("unshare");
        seeing.args(["--mount", "sh", "-c", IN_ITS_OWN_VIEW, "sh"]);
        for (own, place) in &self.0 {
            seeing.arg(own).arg(place);
        }
        seeing.arg("--").args(program);
        seeing
    }
}
