//! What an approval, an enrolment and a release cost the TPM, and how long a person waits.

use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use symbolon_daemon::bus::client::{self, SymbolonProxy, secret_pipe};
use symbolon_tests::cli::code;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{PIN1, Plan, Rig, USUAL, WRONG_PIN};
use symbolon_tests::tpm_proxy::Exchange;

use crate::report::middle;

/// Approvals over which times are taken.
const APPROVALS: usize = 60;
/// Approvals before those: a service that has run for a while overwrites the log of its store, and
/// a new one makes that longer with each commit.
const BEFORE: usize = 60;

/// A person types for longer than the preparation takes.
const PAUSE: Duration = Duration::from_millis(60);

/// TPM commands and octets of something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) commands: usize,
    pub(crate) octets: usize,
}

/// What was measured with a tap before the TPM.
pub(crate) struct Costs {
    pub(crate) enrolment: Cost,
    pub(crate) approval: Cost,
    pub(crate) after_pin: Cost,
    pub(crate) release: Cost,
}

/// Counts what passes the tap. It adds to times, so none are taken here.
pub(crate) fn costs() -> Option<Costs> {
    let runtime = &runtime();
    let plan = Plan::default().tap().moved_clock();
    let (mut rig, document) = {
        let rig = plan.start()?;
        rig.device.tap().forget();
        rig.with_account()
    };
    // The connection made after enrolment signs with the device key once: it belongs to it.
    let enrolment = cost(&rig);

    let connection = runtime
        .block_on(client::connect(Some(&rig.device.bus_address())))
        .unwrap();
    let daemon = runtime.block_on(SymbolonProxy::new(&connection)).unwrap();
    // The first approval after enrolment may find less ready than all later ones.
    rig.log_in(&document);
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.tap().forget();
    runtime.block_on(daemon.begin_approval(&id)).unwrap();
    settle(&rig);
    let prepared = rig.device.tap().recording().len();
    approve(runtime, &daemon, &id, PIN1);
    rig.end_of(&login.session);
    settle(&rig);
    let recording = rig.device.tap().recording();
    let approval = Cost::of(&recording);
    let after_pin = Cost::of(&recording[prepared..]);

    for _ in 0..3 {
        rig.try_pin1(&document, WRONG_PIN);
    }
    settle(&rig);
    rig.device.tap().forget();
    // From here on the release may happen at any time, and has happened when an approval begins.
    rig.service
        .clock()
        .advance(Duration::from_secs(3 * 3600 + 60));
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    runtime.block_on(daemon.begin_approval(&id)).unwrap();
    settle(&rig);
    let both = cost(&rig);
    let release = Cost {
        commands: both.commands.saturating_sub(prepared),
        octets: both
            .octets
            .saturating_sub(Cost::of(&recording[..prepared]).octets),
    };
    Some(Costs {
        enrolment,
        approval,
        after_pin,
        release,
    })
}

/// How long something took that comes after a pause, as a PIN does.
pub(crate) struct AfterPause {
    /// From the PIN to the final signature at the relying party.
    pub(crate) pin_to_signature: Duration,
    /// The bare operations.
    pub(crate) bare: Duration,
}

/// The middle of many logins, and of bare operations in turns with them. A processor that had
/// nothing to do for a while is slower at first, whatever it then does.
pub(crate) fn pin_to_signature(
    rig: &Rig,
    document: &str,
    mut bare_operations: impl FnMut(),
) -> AfterPause {
    let runtime = &runtime();
    let connection = runtime
        .block_on(client::connect(Some(&rig.device.bus_address())))
        .unwrap();
    let daemon = runtime.block_on(SymbolonProxy::new(&connection)).unwrap();
    let target = Target::Document(document.into());
    let (mut logins, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..BEFORE + APPROVALS {
        thread::sleep(PAUSE);
        let begun = Instant::now();
        bare_operations();
        bare.push(begun.elapsed());

        let login = rig.relying_party.login(&target, USUAL, "Log in?");
        let id = rig.device.id_of(&login.verification_code);
        let (arrived, arrival) = mpsc::channel();
        let took = thread::scope(|scope| {
            scope.spawn(|| {
                let poll = rig
                    .relying_party
                    .poll(&login.session, Duration::from_secs(20));
                arrived.send(Instant::now()).unwrap();
                assert_eq!(poll.body["result"]["endResult"], "OK");
            });
            runtime.block_on(daemon.begin_approval(&id)).unwrap();
            thread::sleep(PAUSE);
            let begun = Instant::now();
            approve(runtime, &daemon, &id, PIN1);
            arrival.recv().unwrap() - begun
        });
        logins.push(took);
    }
    AfterPause {
        pin_to_signature: middle(logins.split_off(BEFORE)),
        bare: middle(bare.split_off(BEFORE)),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn approve(runtime: &tokio::runtime::Runtime, daemon: &SymbolonProxy<'_>, id: &str, pin: &str) {
    let pin = secret_pipe(pin.as_bytes()).unwrap();
    let verdict = runtime
        .block_on(daemon.approve(id, pin.as_fd().into()))
        .unwrap();
    assert!(verdict.contains("accepted"), "{verdict}");
}

/// Waits until the TPM has had nothing to do for a while.
fn settle(rig: &Rig) {
    let mut before = usize::MAX;
    loop {
        let now = rig.device.tap().recording().len();
        if now == before {
            return;
        }
        before = now;
        thread::sleep(Duration::from_millis(150));
    }
}

fn cost(rig: &Rig) -> Cost {
    settle(rig);
    Cost::of(&rig.device.tap().recording())
}

impl Cost {
    fn of(recording: &[Exchange]) -> Self {
        let octets = recording
            .iter()
            .map(|exchange| exchange.command.len() + exchange.response.len());
        Self {
            commands: recording.len(),
            octets: octets.sum(),
        }
    }
}

/// A login to warm up.
pub(crate) fn warm_up(rig: &Rig, document: &str) {
    for _ in 0..3 {
        rig.try_pin1(document, PIN1).must_be(code::DONE);
    }
}
