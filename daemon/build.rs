//! How the programs are linked.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if loader_knows_packed_relocations() {
        // 25,000 addresses of a position-independent program, in some kilobytes where they would
        // take 700, all of which are read when it starts and stay in memory.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Since glibc 2.36. A program runs where it was built, or where glibc is newer.
fn loader_knows_packed_relocations() -> bool {
    let Ok(output) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("glibc ").unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next(), parts.next()) >= (Some(2), Some(36))
}
