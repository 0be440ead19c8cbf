//! A disk that can be filled to the brim.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::requirements;

/// A small file system in memory, mounted over a folder. Only root can make one.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `kibibytes`; `None`, after a word about it, without root.
    pub fn mount(folder: &Path, kibibytes: u32) -> Option<Self> {
        if !requirements::is_root("mount a small disk") {
            return None;
        }
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"])
            .arg(folder)
            .output()
            .unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        Some(Self {
            folder: folder.into(),
        })
    }

    /// Leaves no octet free.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [64 * 1024, 512, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives the space back.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there is about to end.
        Command::new("umount")
            .arg("-l")
            .arg(&self.folder)
            .status()
            .ok();
    }
}
