//! Ties a child process to this one's life.
#![allow(unsafe_code)] // Only between fork and exec can a child be told when to end.

use std::io;

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use tokio::process::Command;

/// Lets the kernel end the child when this process dies, however it dies: a pinentry whose client
/// was killed would stay on the screen and wait for a PIN that nobody takes.
///
/// The kernel means the death of the thread that spawned (prctl(2), `PR_SET_PDEATHSIG`), so spawn
/// from a thread that lives as long as the process.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    // SAFETY: the closure only makes system calls and builds errors from numbers; it neither
    // allocates nor takes locks, as is due between fork and exec.
    unsafe { command.pre_exec(move || follow(parent)) };
}

fn follow(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // The parent may have died before the kernel was told.
    if getppid() != Some(parent) {
        return Err(rustix::io::Errno::SRCH.into());
    }
    Ok(())
}
