//! An account on a bench, and a service's release authority in software.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::lock::Release;
use symbolon_protocol::encoding::{EncodedMessage, HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::random::random_octets;
use symbolon_protocol::release::{
    EXPIRATION_SECONDS, PolicyReference, limit_write_cp_hash, signed_digest,
};
use symbolon_protocol::split_key::{Modulus, PartialSignature};

use super::Bench;
use super::standin::Judging;
use crate::{EnrolledShare, Pin, PinOutcome, ShareEnrolment, Vault};

/// The PINs of the two shares, and one that is wrong for both.
pub const PINS: [&str; 3] = ["4711", "27182", "0000"];

/// The service's side of a release: a P-256 key of its own.
pub struct Authority(SigningKey);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        Self(SigningKey::from_slice(&random_octets(32).unwrap()).unwrap())
    }

    /// Its public key: an uncompressed point.
    pub fn point(&self) -> Octets {
        Octets(
            self.0
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
        )
    }

    /// A release as the service makes it.
    pub fn release(&self, enrolment: &Enrolment, nonce: &Octets, limit: u32) -> Release {
        self.release_within(enrolment, nonce, limit, EXPIRATION_SECONDS)
    }

    /// A release that is good for some other time.
    pub fn release_within(
        &self,
        enrolment: &Enrolment,
        nonce: &Octets,
        limit: u32,
        expiration_seconds: u32,
    ) -> Release {
        let digest = signed_digest(
            nonce.as_slice(),
            i32::try_from(expiration_seconds).unwrap(),
            &limit_write_cp_hash(enrolment.share.public.pin_index_name.as_slice(), limit),
            &enrolment.reference.for_release(limit).unwrap(),
        );
        let signature: p256::ecdsa::Signature = self.0.sign_prehash(&digest).unwrap();
        Release {
            limit,
            expiration_seconds,
            signature: Octets(signature.to_bytes().to_vec()),
        }
    }
}

/// A share, and what both sides know of it.
pub struct Enrolment {
    /// Its account and purpose.
    pub reference: PolicyReference,
    /// The share.
    pub share: EnrolledShare,
    /// Its right PIN.
    pub pin: &'static str,
    /// What stands in for the service where that judges the PIN.
    pub judging: Judging,
}

impl Enrolment {
    /// Enrols a share.
    pub fn new(
        vault: &mut dyn Vault,
        authority: &Authority,
        purpose: KeyPurpose,
        pin: &'static str,
    ) -> Self {
        let reference = PolicyReference {
            document_number: "PNOEE-40504040001-MOCK-Q".parse().unwrap(),
            purpose,
        };
        let enrolment = ShareEnrolment {
            reference: reference.clone(),
            release_key: authority.point(),
            purpose,
        };
        let share = vault
            .enrol(
                &enrolment,
                &Pin::parse(pin.as_bytes()).unwrap(),
                &mut |_| Ok(()),
            )
            .unwrap();
        Self {
            judging: Judging::new(&reference, &share.public),
            reference,
            share,
            pin,
        }
    }

    /// Has the PIN judged, if the hardware left that to the service.
    pub fn judged<T>(
        &self,
        vault: &mut dyn Vault,
        outcome: PinOutcome<T>,
        opened: impl FnOnce(Option<PartialSignature>) -> T,
    ) -> PinOutcome<T> {
        self.judging
            .judged(vault, &self.share.sealed, outcome, opened)
    }

    /// The device's modulus.
    pub fn modulus(&self) -> Modulus {
        Modulus::from_octets(self.share.public.modulus.as_slice()).unwrap()
    }

    /// A message under a composite modulus of 4096 bits, as it comes in life.
    pub fn message(&self) -> EncodedMessage {
        let mut other = random_octets(256).unwrap();
        other[0] |= 0xe0;
        other[255] |= 1;
        let other = Modulus::from_octets(&other).unwrap();
        let hash = HashAlgorithm::Sha512;
        let digest = hash.digest(&random_octets(32).unwrap());
        EncodedMessage::encode(
            SignatureAlgorithm::Pss(hash),
            &digest,
            &random_octets(64).unwrap(),
            &self.modulus().multiply(&other).unwrap(),
        )
        .unwrap()
    }
}

/// A bench with a vault and an account of two shares on it.
pub struct Setup<B> {
    /// The hardware.
    pub bench: B,
    /// A vault on it.
    pub vault: Box<dyn Vault>,
    /// The service's authority over releases.
    pub authority: Authority,
    /// The share behind PIN1.
    pub first: Enrolment,
}

impl<B: Bench> Setup<B> {
    /// Starts a vault and enrols one share.
    pub fn new(bench: B) -> Self {
        let mut vault = bench.vault();
        let authority = Authority::new();
        let first = Enrolment::new(&mut *vault, &authority, KeyPurpose::Authentication, PINS[0]);
        Self {
            bench,
            vault,
            authority,
            first,
        }
    }

    /// Enrols the share behind PIN2.
    pub fn second(&mut self) -> Enrolment {
        Enrolment::new(
            &mut *self.vault,
            &self.authority,
            KeyPurpose::Signing,
            PINS[1],
        )
    }

    /// Signs with the first share; an accepted answer is verified.
    pub fn try_pin(&mut self, pin: &str) -> PinOutcome<()> {
        try_pin(&mut *self.vault, &self.first, pin)
    }

    /// Enters a wrong PIN that has to be counted, so often.
    pub fn enter_wrong(&mut self, times: usize) {
        for _ in 0..times {
            let outcome = self.try_pin(PINS[2]);
            assert!(matches!(outcome, PinOutcome::Wrong { .. }), "{outcome:?}");
        }
    }

    /// Asserts how the first share's counter stands.
    pub fn assert_count(&mut self, failures: u32, limit: u32) {
        let count = self.vault.pin_count(&self.first.share.sealed).unwrap();
        assert_eq!(count, PinCount { failures, limit });
    }

    /// Releases the first share.
    pub fn release(&mut self, limit: u32) -> PinCount {
        let sealed = &self.first.share.sealed;
        let nonce = self.vault.begin_release(sealed).unwrap();
        let release = self.authority.release(&self.first, &nonce, limit);
        self.vault.finish_release(sealed, &release).unwrap()
    }
}

/// Signs with a share; an accepted answer is verified.
pub(super) fn try_pin(vault: &mut dyn Vault, enrolment: &Enrolment, pin: &str) -> PinOutcome<()> {
    let message = enrolment.message();
    let pin = Pin::parse(pin.as_bytes()).unwrap();
    let outcome = vault.sign(&enrolment.share.sealed, pin, &message).unwrap();
    let outcome = enrolment.judged(vault, outcome, |signature| {
        signature.expect("a right PIN brings a share")
    });
    match outcome {
        PinOutcome::Accepted(signature) => {
            assert!(signature.verify(&message, &enrolment.modulus()));
            PinOutcome::Accepted(())
        }
        PinOutcome::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
        PinOutcome::Locked => PinOutcome::Locked,
        PinOutcome::Unjudged(proof) => panic!("still not judged: {proof:?}"),
    }
}
