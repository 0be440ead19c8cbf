//! A folder that lives as long as its rig.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::leftovers;

/// Set to keep the folders of rigs for a look at them.
const KEEP: &str = "SYMBOLON_KEEP_RIG";

/// How much of each log is shown when a test fails, in octets.
const SHOWN_OF_A_LOG: usize = 12_000;

/// A temporary folder with a `logs` folder in it, which is told when the test fails.
pub struct Folder {
    directory: TempDir,
}

impl Folder {
    /// Makes one under the system's folder for temporary files.
    pub fn new(purpose: &str) -> Self {
        let mut directory = tempfile::Builder::new()
            .prefix(&format!("symbolon-{purpose}-"))
            .tempdir()
            .expect("a temporary folder can be made");
        let keep = std::env::var_os(KEEP).is_some();
        directory.disable_cleanup(keep);
        if !keep {
            leftovers::note_folder(directory.path());
        }
        fs::create_dir(directory.path().join("logs")).unwrap();
        Self { directory }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where the logs of its processes are.
    pub fn logs(&self) -> PathBuf {
        self.path().join("logs")
    }

    /// A folder in it, made if need be.
    pub fn sub(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Lets other users of this machine pass through it to what they may see.
    pub fn let_others_through(&self) {
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o711)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        leftovers::forget_folder(self.path());
        if !std::thread::panicking() {
            return;
        }
        let Ok(logs) = fs::read_dir(self.logs()) else {
            return;
        };
        for log in logs.flatten() {
            let text = fs::read(log.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let tail = text.len().saturating_sub(SHOWN_OF_A_LOG);
            let tail = (tail..text.len()).find(|&at| text.is_char_boundary(at));
            eprintln!(
                "---- {} ----\n{}",
                log.file_name().display(),
                &text[tail.unwrap_or(0)..]
            );
        }
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Replaces a folder by a copy of another: "restored from a backup".
pub fn restore(backup: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy(backup, to);
}

/// A folder's files in memory, to be written out again and again.
pub struct Image(Vec<(PathBuf, Vec<u8>, u32)>);

impl Image {
    /// Takes one of everything under `folder`.
    pub fn of(folder: &Path) -> Self {
        let mut files = Vec::new();
        collect(folder, Path::new(""), &mut files);
        Self(files)
    }

    /// Writes it out.
    pub fn write_to(&self, folder: &Path) {
        for (path, content, mode) in &self.0 {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        }
    }
}

fn collect(root: &Path, within: &Path, files: &mut Vec<(PathBuf, Vec<u8>, u32)>) {
    for entry in fs::read_dir(root.join(within)).unwrap() {
        let entry = entry.unwrap();
        let path = within.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(root, &path, files);
        } else if kind.is_file() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            files.push((path.clone(), fs::read(root.join(&path)).unwrap(), mode));
        }
    }
}
