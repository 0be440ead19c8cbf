//! How many logins the service completes in a second, over distinct accounts.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use symbolon_tests::folder::Folder;
use symbolon_tests::relying_party::{RelyingParty, Target};
use symbolon_tests::rig::USUAL;
use symbolon_tests::service::{Options, Service, ServiceFolder};

use crate::cores::Cores;
use crate::idle;
use symbolon_tests::soft_device::SoftDevice;

/// Distinct accounts.
const ACCOUNTS: usize = 64;
/// Logins of each.
const ROUNDS: u32 = 6;
/// Requests under way at a time.
const AT_A_TIME: usize = 64;

/// What was measured.
pub(crate) struct Load {
    /// Logins completed in a second: asked for, confirmed, fetched.
    pub(crate) logins_per_second: f64,
    /// Of the time of one login, what the confirming took.
    pub(crate) confirm_part: f64,
    /// Processor time of the service for one login.
    pub(crate) processor_time: Duration,
}

/// Loads a service of its own, on processors of its own. The devices' own arithmetic is not timed:
/// it runs elsewhere in life.
pub(crate) fn measure(own: &Cores, loading: &Cores) -> Load {
    let folder = Folder::new("bench-service");
    let mut service = own.run(|| start(&folder));
    loading.run(|| load(&folder, &mut service))
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

fn load(folder: &Folder, service: &mut Service) -> Load {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut devices = enrol_all(&runtime, service, folder);
    // Their connections last, as a relying party's do.
    let relying_parties: Vec<_> = (0..AT_A_TIME).map(|_| service.relying_party()).collect();
    // Once around to warm up: connections, statements, caches.
    round(&runtime, &relying_parties, &mut devices);
    let before = idle::processor_time(service.process().pid());
    let mut asking = Duration::ZERO;
    let mut confirming = Duration::ZERO;
    for _ in 0..ROUNDS {
        let (asked, confirmed) = round(&runtime, &relying_parties, &mut devices);
        asking += asked;
        confirming += confirmed;
    }
    let all = (asking + confirming).as_secs_f64();
    let used = idle::processor_time(service.process().pid()) - before;
    let logins = ACCOUNTS as f64 * f64::from(ROUNDS);
    Load {
        logins_per_second: logins / all,
        confirm_part: confirming.as_secs_f64() / all,
        processor_time: used.div_f64(logins),
    }
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

/// One login of every account; answers with the time of asking and polling, and of confirming.
fn round(
    runtime: &tokio::runtime::Runtime,
    relying_parties: &[RelyingParty],
    devices: &mut [SoftDevice],
) -> (Duration, Duration) {
    let begun = Instant::now();
    let sessions = in_threads(
        devices,
        |relying_party, device| {
            let target = Target::Document(device.document_number.clone());
            relying_party.login(&target, USUAL, "Log in?").session
        },
        relying_parties,
    );
    let mut asking = begun.elapsed();

    let prepared = runtime.block_on(async {
        stream::iter(devices.iter().map(SoftDevice::prepare))
            .buffered(AT_A_TIME)
            .collect::<Vec<_>>()
            .await
    });
    let begun = Instant::now();
    runtime.block_on(async {
        stream::iter(devices.iter_mut().zip(&prepared))
            .map(|(device, prepared)| device.confirm(prepared))
            .buffer_unordered(AT_A_TIME)
            .collect::<Vec<()>>()
            .await
    });
    let confirming = begun.elapsed();

    let begun = Instant::now();
    let ends = in_threads(
        &sessions,
        |relying_party, session| {
            let status = relying_party.wait(session, Duration::from_secs(5));
            status["result"]["endResult"] == "OK"
        },
        relying_parties,
    );
    asking += begun.elapsed();
    assert!(ends.iter().all(|ok| *ok), "every login is complete");
    (asking, confirming)
}

/// Does something for each item, each relying party at a time, in order.
fn in_threads<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&RelyingParty, &T) -> R + Sync,
    relying_parties: &[RelyingParty],
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
