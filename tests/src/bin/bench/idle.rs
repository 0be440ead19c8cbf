//! What a process costs: a daemon that has nothing to do, and whoever is loaded.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(60);

/// What was seen.
pub(crate) struct Idle {
    pub(crate) rss_kib: f64,
    /// Of it, what is not a file's: the rest is mostly shared libraries.
    pub(crate) anonymous_kib: f64,
    pub(crate) threads: f64,
    pub(crate) wakeups_per_minute: f64,
}

/// Watches a process for a minute.
pub(crate) fn watch(process: Pid) -> Idle {
    // What the last request left to do.
    thread::sleep(Duration::from_secs(5));
    let before = wakeups(process);
    thread::sleep(WATCHED);
    let after = wakeups(process);
    Idle {
        rss_kib: rss_kib(process),
        anonymous_kib: field(&status(process), "RssAnon:"),
        threads: field(&status(process), "Threads:"),
        wakeups_per_minute: (after - before) * 60.0 / WATCHED.as_secs_f64(),
    }
}

/// Resident memory now, everything that is mapped counted.
pub(crate) fn rss_kib(process: Pid) -> f64 {
    field(&status(process), "VmRSS:")
}

/// What a process and its children have used so far: a token's module runs in a child.
pub(crate) fn processor_time(process: Pid) -> Duration {
    let output = Command::new("getconf").arg("CLK_TCK").output().unwrap();
    let per_second: u64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap();
    let own = process.as_raw_nonzero().get().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ticks: u64 = processes
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let used = Used::read(&stat)?;
            (name == own || used.parent == own).then_some(used.ticks)
        })
        .sum();
    Duration::from_millis(ticks * 1000 / per_second)
}

/// What a process has used, all its threads together (proc(5), `stat` fields 4, 14 and 15).
struct Used {
    parent: String,
    ticks: u64,
}

impl Used {
    fn read(stat: &str) -> Option<Self> {
        // The second field may hold anything, but ends with the last parenthesis.
        let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            parent: (*fields.get(1)?).to_owned(),
            ticks: ticks(11)? + ticks(12)?,
        })
    }
}

/// Each time a thread was given the processor after it had waited.
fn wakeups(process: Pid) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .flatten()
        .map(|task| fs::read_to_string(task.path().join("status")).unwrap_or_default())
        .map(|status| field(&status, "voluntary_ctxt_switches:"))
        .sum()
}

fn status(process: Pid) -> String {
    fs::read_to_string(format!("/proc/{process}/status")).unwrap()
}

fn field(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}
