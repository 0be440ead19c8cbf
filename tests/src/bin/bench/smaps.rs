//! What a process's resident memory is made of, by what is mapped (proc(5), `smaps`).

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Pid;

/// All mappings of one file, or of one kind of memory without a file.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mapped {
    pub(crate) rss_kib: u64,
    /// Written to, so nobody shares it: relocations and data of a library, or a heap.
    pub(crate) dirty_kib: u64,
}

/// Largest first.
pub(crate) fn of(process: Pid) -> Vec<(String, Mapped)> {
    let smaps = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap_or_default();
    let mut mappings: BTreeMap<String, Mapped> = BTreeMap::new();
    let mut current = String::new();
    for line in smaps.lines() {
        match line.split_once(':') {
            // `Rss:      132 kB`; a mapping's head has its first colon in the device's number.
            Some((name, value)) if !name.contains(' ') => {
                let mapped = mappings.entry(current.clone()).or_default();
                let kib = value.split_whitespace().next().unwrap_or_default();
                let kib = kib.parse().unwrap_or(0);
                match name {
                    "Rss" => mapped.rss_kib += kib,
                    "Private_Dirty" => mapped.dirty_kib += kib,
                    _ => {}
                }
            }
            _ => current = name_of(line),
        }
    }
    let mut mappings: Vec<_> = mappings.into_iter().collect();
    mappings.sort_by_key(|(_, mapped)| std::cmp::Reverse(mapped.rss_kib));
    mappings
}

/// The file's name without its folder, `[heap]` and the like, or `(anonymous)`.
fn name_of(head: &str) -> String {
    match head.split_whitespace().nth(5) {
        Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        None => "(anonymous)".to_owned(),
    }
}
