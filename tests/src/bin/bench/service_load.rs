//! How many logins the service completes in a second, over distinct accounts.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};
use symbolon_tests::folder::Folder;
use symbolon_tests::relying_party::{RelyingParty, Target};
use symbolon_tests::rig::USUAL;
use symbolon_tests::service::{Options, Service, ServiceFolder};

use crate::cores::Cores;
use crate::idle;
use symbolon_tests::soft_device::{Prepared, SoftDevice};

/// Distinct accounts: several for each request under way, so that the beginning and the end of a
/// round, where fewer are under way, are a small part of it.
const ACCOUNTS: usize = 256;
/// Logins of each.
const ROUNDS: u32 = 10;
/// Requests under way at a time.
const AT_A_TIME: usize = 64;

/// What was measured.
pub(crate) struct Load {
    /// Logins completed in a second: asked for, confirmed, fetched.
    pub(crate) logins_per_second: f64,
    /// What the bare loop reached on the same processors, after each round.
    pub(crate) bare_per_second: f64,
    /// Of the time of one login, what the confirming took.
    pub(crate) confirm_part: f64,
    /// Processor time of the service for one login.
    pub(crate) processor_time: Duration,
    /// Processor time of what loads it, for one login.
    pub(crate) loading_time: Duration,
}

/// Loads a service of its own, on processors of its own. The devices' own arithmetic is not timed:
/// it runs elsewhere in life. `bare` measures what it is compared with: in turns, because a machine
/// is not as fast in one minute as in the next.
pub(crate) fn measure(own: &Cores, loading: &Cores, bare: impl Fn() -> f64) -> Load {
    let folder = Folder::new("bench-service");
    let mut service = own.run(|| start(&folder));
    loading.run(|| load(&folder, &mut service, || own.run(&bare)))
}

fn start(folder: &Folder) -> Service {
    let options = Options {
        more: format!("\n[log]\nfilter = \"{}\"\n", "warn"),
        ..Options::default()
    };
    let data = ServiceFolder::prepared(&folder.sub("service"), &folder.logs(), &options);
    let mut shares = String::new();
    write!(shares, "{}", ACCOUNTS * 3).unwrap();
    data.must(&["shares", "generate", "--count", &shares]);
    Service::start(data, None)
}

fn load(folder: &Folder, service: &mut Service, bare: impl Fn() -> f64) -> Load {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut devices = enrol_all(&runtime, service, folder);
    // Their connections last, as a relying party's do.
    let relying_parties: Vec<_> = (0..AT_A_TIME).map(|_| service.relying_party()).collect();
    let service = service.process().pid();
    // Once around to warm up: connections, statements, caches.
    round(&runtime, &relying_parties, &mut devices, service);
    let (rounds, bare): (Vec<Round>, Vec<f64>) = (0..ROUNDS)
        .map(|_| {
            let round = round(&runtime, &relying_parties, &mut devices, service);
            (round, bare())
        })
        .unzip();
    let all = rounds.iter().fold(Spent::default(), |all, round| {
        all + round.asking + round.confirming
    });
    let confirming: Duration = rounds.iter().map(|round| round.confirming.time).sum();
    let logins = ACCOUNTS as f64 * f64::from(ROUNDS);
    Load {
        logins_per_second: logins / all.time.as_secs_f64(),
        bare_per_second: bare.iter().sum::<f64>() / f64::from(ROUNDS),
        confirm_part: confirming.as_secs_f64() / all.time.as_secs_f64(),
        processor_time: all.service.div_f64(logins),
        loading_time: all.loading.div_f64(logins),
    }
}

/// Of all its threads, without children.
fn cpu_time_of_this_process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap()
}

fn enrol_all(
    runtime: &tokio::runtime::Runtime,
    service: &Service,
    folder: &Folder,
) -> Vec<SoftDevice> {
    let url = format!("https://localhost:{}", service.device_address().port());
    let root = service.folder().trust().root;
    (0..ACCOUNTS)
        .map(|number| {
            let person = format!("PNOLT-PASSENGER{number:04}");
            let code = service.folder().invite(&person, "Load", "Tester");
            let own = folder.sub(&format!("device-{number}"));
            runtime.block_on(SoftDevice::enrol(&url, &root, &own, &code))
        })
        .collect()
}

/// What one login of every account took.
struct Round {
    /// Until each was asked for.
    asking: Spent,
    /// Until each was confirmed, and its end fetched.
    confirming: Spent,
}

/// Time that passed, and processor time that went.
#[derive(Default, Clone, Copy)]
struct Spent {
    time: Duration,
    service: Duration,
    loading: Duration,
}

impl Spent {
    fn on<T>(service: Pid, work: impl FnOnce() -> T) -> (T, Self) {
        let of_both = || (idle::processor_time(service), cpu_time_of_this_process());
        let before = of_both();
        let begun = Instant::now();
        let done = work();
        let time = begun.elapsed();
        let after = of_both();
        let spent = Self {
            time,
            service: after.0 - before.0,
            loading: after.1 - before.1,
        };
        (done, spent)
    }
}

impl std::ops::Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            service: self.service + other.service,
            loading: self.loading + other.loading,
        }
    }
}

/// One login of every account. What the devices compute in between is not counted.
fn round(
    runtime: &tokio::runtime::Runtime,
    relying_parties: &[RelyingParty],
    devices: &mut [SoftDevice],
    service: Pid,
) -> Round {
    let (sessions, asking) = Spent::on(service, || {
        in_threads(relying_parties, devices, |relying_party, device| {
            let target = Target::Document(device.document_number.clone());
            relying_party.login(&target, USUAL, "Log in?").session
        })
    });
    let prepared = runtime.block_on(async {
        stream::iter(devices.iter().map(SoftDevice::prepare))
            .buffered(AT_A_TIME)
            .collect::<Vec<_>>()
            .await
    });
    // Their relying parties wait meanwhile.
    let ((), confirming) = Spent::on(service, || {
        thread::scope(|scope| {
            let polling = scope.spawn(|| fetch_all(relying_parties, &sessions));
            runtime.block_on(confirm_all(devices, &prepared));
            polling.join().unwrap();
        });
    });
    Round { asking, confirming }
}

async fn confirm_all(devices: &mut [SoftDevice], prepared: &[Prepared]) {
    stream::iter(devices.iter_mut().zip(prepared))
        .map(|(device, prepared)| device.confirm(prepared))
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<()>>()
        .await;
}

fn fetch_all(relying_parties: &[RelyingParty], sessions: &[String]) {
    let ends = in_threads(relying_parties, sessions, |relying_party, session| {
        let status = relying_party.wait(session, Duration::from_secs(5));
        status["result"]["endResult"] == "OK"
    });
    assert!(ends.iter().all(|ok| *ok), "every login is complete");
}

/// Does something for each item, each relying party at a time, in order.
fn in_threads<T: Sync, R: Send>(
    relying_parties: &[RelyingParty],
    items: &[T],
    work: impl Fn(&RelyingParty, &T) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> = items
            .chunks(items.len().div_ceil(relying_parties.len()))
            .zip(relying_parties)
            .map(|(chunk, relying_party)| {
                scope.spawn(move || {
                    let each = chunk.iter().map(|item| work(relying_party, item));
                    each.collect::<Vec<_>>()
                })
            })
            .collect();
        let parts = running.into_iter().map(|thread| thread.join().unwrap());
        parts.flatten().collect()
    })
}
