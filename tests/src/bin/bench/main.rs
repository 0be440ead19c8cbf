//! `make bench`: what things cost, as ratios measured side by side in one run.
//!
//! Prints a table and writes the same to `target/bench.json`. No figure fails: benchmarks are not
//! tests.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring program prints, and ends where it cannot measure"
)]

mod api_load;
mod approvals;
mod bare_api;
mod bare_store;
mod bare_token;
mod bare_tpm;
mod c_calls;
mod cores;
mod idle;
mod pace;
mod report;
mod restart;
mod service_load;
mod share_time;
mod smaps;
mod workers;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use approvals::Cost;
use bare_token::BareToken;
use bare_tpm::BareTpm;
use pace::{Pace, in_turn};
use report::Report;
use rustix::process::{Pid, getpid};
use share_time::ShareTime;
use symbolon_tests::folder::Folder;
use symbolon_tests::requirements;
use symbolon_tests::rig::{Plan, Rig};
use symbolon_tests::swtpm::Swtpm;
use workers::Workers;

/// What can be measured by itself: `bench tpm service`. Without a name: everything.
const PARTS: [&str; 8] = [
    "tpm", "approval", "idle", "cost", "token", "service", "api", "restart",
];

/// How often the token and its workers are measured in turn, and for how long each time.
const TURNS: usize = 7;
const TURN: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    symbolon_hsm::become_the_modules_process_if_asked();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !PARTS.contains(&name.as_str())) {
        eprintln!("{unknown} is none of {PARTS:?}");
        return ExitCode::from(2);
    }
    if !requirements::met() {
        return ExitCode::FAILURE;
    }
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let mut report = Report::default();
    report.add("processors", threads as f64, "");

    // First, because it sets an environment variable, which no other thread may see happen.
    say("the service's token by itself");
    let folder = Folder::new("bench-token");
    let token = bare_token::measure(&folder.sub("hsm"), threads, Duration::from_secs(10));
    if wants("token") {
        say("the same token through the service's workers, in turns with the bare one");
        report_workers(&mut report, &token, threads);
    }
    if wants("tpm") || wants("approval") {
        say("the TPM by itself, and from PIN to share");
        let share = share_time::measure();
        report_tpm(&mut report, &share);
        if wants("approval") {
            say("from PIN to signature");
            report_approval(&mut report, &token);
        }
    }
    if wants("idle") {
        say("a daemon that has nothing to do after some logins, for a minute");
        report_idle(&mut report);
    }
    if wants("cost") {
        say("what the TPM is asked");
        report_costs(&mut report);
    }
    if wants("service") {
        say("the service, over distinct accounts");
        report_service(&mut report, &token);
    }
    if wants("api") {
        say("the relying-party API with demo accounts, a bare handler and a bare insert");
        report_api(&mut report, &token);
    }
    if wants("restart") {
        say("how soon a service is ready, without and with 100,000 shares");
        let ready = restart::measure();
        report.add("service_ready_ms", milliseconds(ready.empty), "ms");
        report.add("service_ready_full_ms", milliseconds(ready.full), "ms");
        report.with_goal(
            "service_ready_ratio",
            ready.full.as_secs_f64() / ready.empty.as_secs_f64(),
            "",
            "about 1",
        );
    }

    println!();
    report.print();
    let file = Path::new("target/bench.json");
    match report.write(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

/// In turns, because a machine is not as busy in one minute as in the next. On one that is busy
/// with something else the processor time says more than what got done: it is what an operation
/// costs, and on a machine left alone both say the same.
fn report_workers(report: &mut Report, token: &BareToken, threads: usize) {
    let workers = Workers::open(threads);
    let turns: Vec<_> = (0..TURNS)
        .map(|_| Turn {
            bare: Speed::of(|| token.per_second(threads, TURN)),
            workers: Speed::of(|| workers.per_second(threads, TURN)),
        })
        .collect();
    let middle_of = |figure: fn(&Turn) -> f64| {
        let mut figures: Vec<_> = turns.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[TURNS / 2]
    };
    for (name, figure) in [
        (
            "token_bare_per_second",
            (|turn| turn.bare.per_second) as fn(&Turn) -> f64,
        ),
        ("token_workers_per_second", |turn| turn.workers.per_second),
    ] {
        report.add(name, middle_of(figure), "1/s");
    }
    let ratio = middle_of(|turn| turn.workers.per_second / turn.bare.per_second);
    report.with_goal("token_workers_ratio", ratio, "", "at least 0.9");
    for (name, figure) in [
        (
            "token_bare_processor_ms",
            (|turn| turn.bare.processor_ms) as fn(&Turn) -> f64,
        ),
        ("token_workers_processor_ms", |turn| {
            turn.workers.processor_ms
        }),
    ] {
        report.add(name, middle_of(figure), "ms");
    }
    let ratio = middle_of(|turn| turn.bare.processor_ms / turn.workers.processor_ms);
    report.with_goal("token_workers_processor_ratio", ratio, "", "at least 0.9");
}

/// The token by itself, and right after it through the workers.
struct Turn {
    bare: Speed,
    workers: Speed,
}

/// How many operations a second, and the processor time of one.
struct Speed {
    per_second: f64,
    processor_ms: f64,
}

impl Speed {
    fn of(measured: impl FnOnce() -> f64) -> Self {
        let before = idle::processor_time(getpid());
        let per_second = measured();
        let used = idle::processor_time(getpid()) - before;
        Self {
            per_second,
            processor_ms: milliseconds(used) / (per_second * TURN.as_secs_f64()).max(1.0),
        }
    }
}

fn report_tpm(report: &mut Report, share: &ShareTime) {
    report.add("bare_rsa_decrypt_ms", milliseconds(share.bare), "ms");
    report.add("pin_to_share_ms", milliseconds(share.pin_to_share), "ms");
    report.with_goal(
        "pin_to_share_ratio",
        share.pin_to_share.as_secs_f64() / share.bare.as_secs_f64(),
        "",
        "at most 1.4",
    );
}

fn report_approval(report: &mut Report, token: &BareToken) {
    let Some(rig) = Plan::default().direct().start() else {
        return;
    };
    let (rig, document) = rig.with_account();
    approvals::warm_up(&rig, &document);
    let folder = Folder::new("bench-bare-tpm");
    let swtpm = Swtpm::start(&folder.sub("tpm"), &folder.logs());
    let mut tpm = BareTpm::open(&swtpm.tcti());
    let times = approvals::pin_to_signature(&rig, &document, || {
        tpm.operate();
        token.operate();
    });
    let (whole, bare) = (times.pin_to_signature, times.bare);
    report.add("pin_to_signature_ms", milliseconds(whole), "ms");
    report.add("bare_operations_ms", milliseconds(bare), "ms");
    report.with_goal(
        "pin_to_signature_ratio",
        whole.as_secs_f64() / bare.as_secs_f64(),
        "",
        "at most 2.0",
    );
}

/// Once as it enrolled, once as the machine starts it.
fn report_idle(report: &mut Report) {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    approvals::warm_up(&rig, &document);
    let idle = idle::watch(rig.device.daemon.pid());
    report_mappings(rig.device.daemon.pid());
    report.with_goal("daemon_rss_kib", idle.rss_kib, "KiB", "below 15360");
    report.add("daemon_rss_anonymous_kib", idle.anonymous_kib, "KiB");
    report.add("daemon_threads", idle.threads, "");
    let wakeups = idle.wakeups_per_minute;
    report.add("daemon_wakeups_per_minute", wakeups, "1/min");

    rig.device.daemon.restart();
    rig.device.wait_until_connected(&document);
    approvals::warm_up(&rig, &document);
    let restarted = idle::rss_kib(rig.device.daemon.pid());
    report_mappings(rig.device.daemon.pid());
    report.add("daemon_rss_restarted_kib", restarted, "KiB");
}

fn report_mappings(process: Pid) {
    println!("{:<36} {:>10} {:>10}", "mapped", "KiB", "written");
    for (name, mapped) in smaps::of(process).into_iter().take(12) {
        println!("{name:<36} {:>10} {:>10}", mapped.rss_kib, mapped.dirty_kib);
    }
}

fn report_costs(report: &mut Report) {
    let Some(costs) = approvals::costs() else {
        return;
    };
    let commands = |cost: Cost| cost.commands as f64;
    let octets = |cost: Cost| cost.octets as f64;
    report.with_goal(
        "tpm_commands_per_approval",
        commands(costs.approval),
        "",
        "at most 7",
    );
    report.with_goal(
        "tpm_commands_after_pin",
        commands(costs.after_pin),
        "",
        "at most 2",
    );
    report.add("tpm_commands_per_enrolment", commands(costs.enrolment), "");
    report.add("tpm_commands_per_release", commands(costs.release), "");
    report.add("tpm_bytes_per_approval", octets(costs.approval), "B");
    report.add("tpm_bytes_per_enrolment", octets(costs.enrolment), "B");
    report.add("tpm_bytes_per_release", octets(costs.release), "B");
}

fn report_service(report: &mut Report, token: &BareToken) {
    let (own, loading) = cores::halves();
    let threads = own.count();
    let load = service_load::measure(&own, &loading, || {
        token.per_second(threads, Duration::from_secs(1))
    });
    report.add("bare_token_per_second", load.bare_per_second, "1/s");
    report.add("service_auth_per_second", load.logins_per_second, "1/s");
    report.add("service_confirm_part", load.confirm_part, "");
    let processor = milliseconds(load.processor_time);
    report.add("service_processor_ms_per_auth", processor, "ms");
    let loading_time = milliseconds(load.loading_time);
    report.add("service_loading_ms_per_auth", loading_time, "ms");
    let bare = milliseconds(token.processor_time);
    report.add("bare_token_processor_ms", bare, "ms");
    report.add("service_processor_ratio", bare / processor, "");
    report.with_goal(
        "service_auth_ratio",
        load.logins_per_second / load.bare_per_second,
        "",
        "at least 0.6",
    );
}

fn report_api(report: &mut Report, token: &BareToken) {
    let load = api_load::measure();
    for (pace, name) in [
        (load.create, "rp_create"),
        (load.poll, "rp_poll"),
        (load.completion, "rp_completion"),
        (load.bare_post, "bare_axum_post"),
        (load.bare_get, "bare_axum_get"),
        (load.bare_insert, "bare_sqlite_insert"),
    ] {
        pace.tell(report, name);
    }
    let of = |pace: Pace, bare: &[f64]| pace.per_second / in_turn(bare);
    let post = load.bare_post.per_second;
    let get = load.bare_get.per_second;
    let insert = load.bare_insert.per_second;
    // A demo account has both halves of its key on the service's token.
    let halves = token.whole_per_second / 2.0;
    for (name, ratio) in [
        ("rp_create_ratio", of(load.create, &[post, insert])),
        ("rp_poll_ratio", of(load.poll, &[get])),
        (
            "rp_completion_ratio",
            of(load.completion, &[post, insert, halves, insert, get]),
        ),
    ] {
        report.add(name, ratio, "");
    }
}

fn say(what: &str) {
    println!("measuring {what}");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
