//! What the process is told before it does anything.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// PINs pass through this memory: no core dumps, and no debugger of the same user.
pub(crate) fn keep_out_of_core_dumps() -> std::io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Lets all threads share one heap. glibc would give each of them its own, and most of what those
/// keep would stay unused: the daemon's threads hardly ever allocate at the same time.
pub(crate) fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: called before any other thread exists; it changes a number in the allocator, and
    // what it answers is only whether the number was taken.
    #[allow(unsafe_code)]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
