//! What goes over the bus: how many commands, and never a secret.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod common;

use std::collections::HashSet;

use common::Swtpm;
use common::loot::Loot;
use common::proxy::{Exchange, Proxy};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_tpm::TpmVault;
use symbolon_tpm::esys::{Authorization, Context, NvPublic};
use symbolon_vault::conformance::{Authority, Enrolment};
use symbolon_vault::{Pin, PinOutcome, Vault};

const RIGHT: &str = "271828182845";
const WRONG: &str = "577215664901";
const NEW: &str = "141421356237";

const POLICY_SECRET: u32 = 0x151;
const RSA_DECRYPT: u32 = 0x159;
const READ_PUBLIC: u32 = 0x173;
const NV_READ_PUBLIC: u32 = 0x169;
const GET_CAPABILITY: u32 = 0x17a;

/// A vault behind a recording proxy, and a share in it.
struct Wired {
    _swtpm: Swtpm,
    proxy: Proxy,
    vault: TpmVault,
    authority: Authority,
    enrolment: Enrolment,
}

impl Wired {
    fn new() -> Option<Self> {
        let swtpm = Swtpm::start()?;
        let proxy = Proxy::start(&swtpm);
        let mut vault = TpmVault::open(&proxy.tcti(), None).unwrap();
        let authority = Authority::new();
        let enrolment = Enrolment::new(&mut vault, &authority, KeyPurpose::Authentication, RIGHT);
        Some(Self {
            _swtpm: swtpm,
            proxy,
            vault,
            authority,
            enrolment,
        })
    }

    /// Signs, and returns the message below the modulus and the share of the signature.
    fn sign(&mut self, digits: &str) -> Option<[Vec<u8>; 2]> {
        let message = self.enrolment.message();
        let outcome = self
            .vault
            .sign(&self.enrolment.share.sealed, pin(digits), &message)
            .unwrap();
        match outcome {
            PinOutcome::Accepted(signature) => Some([
                message.reduced(&self.enrolment.modulus()),
                signature.as_slice().to_vec(),
            ]),
            _ => None,
        }
    }

    fn release(&mut self, limit: u32) {
        let sealed = &self.enrolment.share.sealed;
        let nonce = self.vault.begin_release(sealed).unwrap();
        let release = self.authority.release(&self.enrolment, &nonce, limit);
        self.vault.finish_release(sealed, &release).unwrap();
    }

    fn codes(&self) -> Vec<u32> {
        self.proxy.take().iter().map(Exchange::code).collect()
    }
}

#[test]
fn an_approval_takes_seven_commands_and_two_of_them_after_the_pin() {
    let Some(mut wired) = Wired::new() else {
        return;
    };
    wired.sign(RIGHT).unwrap();
    wired.proxy.take();
    for _ in 0..3 {
        wired
            .vault
            .pin_count(&wired.enrolment.share.sealed)
            .unwrap();
        wired.vault.prepare(&wired.enrolment.share.sealed).unwrap();
        let before = wired.codes();
        wired.sign(RIGHT).unwrap();
        let after = wired.codes();
        assert_eq!(after, [POLICY_SECRET, RSA_DECRYPT]);
        let all = [before, after].concat();
        assert!(all.len() <= 7, "{all:x?}");
        for probe in [READ_PUBLIC, NV_READ_PUBLIC, GET_CAPABILITY] {
            assert!(!all.contains(&probe), "{all:x?}");
        }
    }
}

#[test]
fn the_first_approval_of_another_share_takes_seven_commands_and_two_after_the_pin() {
    let Some(mut wired) = Wired::new() else {
        return;
    };
    let other = Enrolment::new(
        &mut wired.vault,
        &wired.authority,
        KeyPurpose::Signing,
        WRONG,
    );
    wired.sign(RIGHT).unwrap();
    wired.vault.pin_count(&other.share.sealed).unwrap();
    wired.vault.prepare(&other.share.sealed).unwrap();
    wired.proxy.take();
    wired.vault.prepare(&wired.enrolment.share.sealed).unwrap();
    let dropped = 3; // flushing what was prepared for the other share
    let before = wired.codes().len() - dropped;
    wired.sign(RIGHT).unwrap();
    let after = wired.codes();
    assert_eq!(after, [POLICY_SECRET, RSA_DECRYPT]);
    assert!(before + after.len() <= 7, "{before}");
}

/// How many commands each act takes; printed with `--nocapture`.
#[test]
fn every_act_stays_within_its_commands() {
    let Some(mut wired) = Wired::new() else {
        return;
    };
    let mut acts: Vec<(&str, usize, usize)> = Vec::new();
    let mut note = |name, wired: &Wired, most| acts.push((name, wired.codes().len(), most));
    wired.proxy.take();
    let second = Enrolment::new(
        &mut wired.vault,
        &wired.authority,
        KeyPurpose::Signing,
        RIGHT,
    );
    // Every RSA key that is not preferred costs one more.
    note("enrol", &wired, 50);
    wired.vault.destroy(second.share.sealed).unwrap();
    wired.sign(RIGHT).unwrap();
    wired.proxy.take();
    wired.sign(RIGHT).unwrap();
    note("approve", &wired, 7);
    for _ in 0..3 {
        assert!(wired.sign(WRONG).is_none());
    }
    wired.proxy.take();
    wired.release(6);
    note("release", &wired, 16);
    wired.sign(RIGHT).unwrap();
    note("approve after a release", &wired, 30);
    let changed = wired
        .vault
        .change_pin(&wired.enrolment.share.sealed, pin(RIGHT), &pin(NEW));
    assert_eq!(changed.unwrap(), PinOutcome::Accepted(()));
    note("change PIN", &wired, 16);
    for (name, commands, most) in &acts {
        println!("{name}: {commands} commands");
        assert!(commands <= most, "{name}: {commands}");
    }
}

/// All the octets of an exchange of commands, cut into pieces that a secret can be looked up in.
struct Tape(HashSet<[u8; PIECE]>);

const PIECE: usize = 8;

impl Tape {
    fn of(exchanges: &[Exchange]) -> Self {
        let pieces = exchanges
            .iter()
            .flat_map(|exchange| [&exchange.command, &exchange.response])
            .flat_map(|octets| octets.windows(PIECE))
            .map(|piece| piece.try_into().unwrap());
        Self(pieces.collect())
    }

    /// Whether any eight octets in a row of a secret went over the bus.
    fn shows(&self, secret: &[u8]) -> bool {
        secret.windows(PIECE).any(|piece| self.0.contains(piece))
    }
}

#[test]
fn no_secret_goes_over_the_bus() {
    let Some(mut wired) = Wired::new() else {
        return;
    };
    let mut exchanges = wired.proxy.take();
    let mut secrets = Vec::new();
    secrets.extend(wired.sign(RIGHT).unwrap());
    for _ in 0..3 {
        assert!(wired.sign(WRONG).is_none());
    }
    wired.release(6);
    secrets.extend(wired.sign(RIGHT).unwrap());
    let changed = wired
        .vault
        .change_pin(&wired.enrolment.share.sealed, pin(RIGHT), &pin(NEW));
    assert_eq!(changed.unwrap(), PinOutcome::Accepted(()));
    secrets.extend(wired.sign(NEW).unwrap());
    exchanges.extend(wired.proxy.take());
    let loot = Loot::of(&wired.enrolment.share.sealed);
    for digits in [RIGHT, WRONG, NEW] {
        secrets.push(digits.as_bytes().to_vec());
        secrets.push(loot.auth_value(digits));
    }
    let tape = Tape::of(&exchanges);
    assert!(exchanges.len() > 100);
    assert!(tape.shows(wired.enrolment.share.public.modulus.as_slice()));
    for (number, secret) in secrets.iter().enumerate() {
        assert!(!tape.shows(secret), "secret {number} went over the bus");
    }
}

/// The scan finds what is there to be found.
#[test]
fn an_authorization_in_clear_is_seen() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let proxy = Proxy::start(&swtpm);
    let context = Context::connect(&proxy.tcti()).unwrap();
    let public = NvPublic {
        handle: 0x0180_0001,
        attributes: symbolon_protocol::release::INDEX_ATTRIBUTES,
        policy: Vec::new(),
        size: 8,
    };
    context
        .nv_define(Authorization::Password, RIGHT.as_bytes(), &public)
        .unwrap();
    assert!(Tape::of(&proxy.take()).shows(RIGHT.as_bytes()));
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits.as_bytes()).unwrap()
}
