//! What is to be ended and removed when the program is interrupted and no owner is left to do it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

#[derive(Default)]
struct Leftovers {
    processes: Vec<Pid>,
    folders: Vec<PathBuf>,
}

static LEFTOVERS: Mutex<Leftovers> = Mutex::new(Leftovers {
    processes: Vec::new(),
    folders: Vec::new(),
});

fn leftovers() -> MutexGuard<'static, Leftovers> {
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn note_process(process: Pid) {
    leftovers().processes.push(process);
}

/// To be called when the process is waited for: after that its id may be another's.
pub(crate) fn forget_process(process: Pid) {
    leftovers().processes.retain(|noted| *noted != process);
}

pub(crate) fn note_folder(folder: &Path) {
    leftovers().folders.push(folder.into());
}

pub(crate) fn forget_folder(folder: &Path) {
    leftovers().folders.retain(|noted| noted != folder);
}

/// Ends every process and removes every folder that a rig of this program has made. Their owners
/// are not asked and must not go on: the program ends after this.
pub fn clear() {
    let mut leftovers = leftovers();
    for process in &leftovers.processes {
        kill_process(*process, Signal::KILL).ok();
    }
    for process in leftovers.processes.drain(..) {
        waitpid(Some(process), WaitOptions::empty()).ok();
    }
    for folder in leftovers.folders.drain(..) {
        std::fs::remove_dir_all(folder).ok();
    }
}
