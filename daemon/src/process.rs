//! What the process is told before it does anything.
#![allow(
    unsafe_code,
    reason = "the environment can only be changed while there is one thread"
)]

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// The TPM2 software stack reports each wrong PIN on standard error by itself; we report better.
pub(crate) fn quiet_tss_log() {
    const LEVEL: &str = "TSS2_LOG";
    if std::env::var_os(LEVEL).is_none() {
        // SAFETY: called first thing in `main`, before any other thread exists.
        unsafe { std::env::set_var(LEVEL, "all+none") };
    }
}

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
