//! The one joint between the product and the hardware that holds a device's key shares. No I/O.
//!
//! [`Vault`] is what a backend implements: `symbolon-tpm` on a TPM 2.0, `symbolon-hsm` on a PKCS#11
//! token. It speaks the product's words and is blocking on purpose: one thread owns a
//! vault, a channel leads to it. No call waits for the network; what needs the service in the
//! middle (a release, a PIN that the service judges) is two calls.
//!
//! Three things never look alike here: a wrong PIN ([`PinOutcome::Wrong`]), a lock
//! ([`PinOutcome::Locked`]) and a fault ([`VaultError`]).

mod error;
mod pin;
mod sealed;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use error::VaultError;
pub use pin::{MAX_DIGITS, MIN_DIGITS, Pin, PinSyntaxError};
pub use sealed::{Remains, SealedIdentity, SealedShare};

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::{DeviceKey, Hardware};
use symbolon_protocol::device::lock::{CertifiedReading, Release};
use symbolon_protocol::device::pin::{PinLedger, PinVerdict, ProvePin};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::split_key::PartialSignature;

/// Hardware that keeps device key shares behind PINs that it counts itself, and judges itself
/// where it can.
///
/// Every call may block for as long as the hardware takes (a discrete TPM makes an RSA key in ten
/// seconds and more). A vault that lost its hardware answers [`VaultError::Unavailable`] and
/// recovers by itself at a later call.
pub trait Vault: Send {
    /// Who judges PINs. Asks nobody.
    fn judge(&self) -> Judge;

    /// What holds the shares, and what that promises.
    fn custody(&mut self) -> Result<Custody, VaultError>;

    /// Makes the keys by which one account's device is known: a P-256 key for TLS and, where the
    /// hardware can certify its counters, an attestation key. `note` is told as by
    /// [`Vault::enrol`], and nothing is left after an error.
    fn create_identity(&mut self, note: &mut Note<'_>) -> Result<NewIdentity, VaultError>;

    /// Signs a SHA-256 digest with the device key: ECDSA P-256, `r` and `s`, 64 octets.
    fn sign_as_device(
        &mut self,
        identity: &SealedIdentity,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], VaultError>;

    /// Makes one key share behind a new PIN. What it left in the hardware before an error is
    /// removed again.
    ///
    /// Before it makes anything that outlives this program, `note` is told what that will be, and
    /// nothing is made if it errs. It may be told more than once: the last word counts.
    fn enrol(
        &mut self,
        enrolment: &ShareEnrolment,
        pin: &Pin,
        note: &mut Note<'_>,
    ) -> Result<EnrolledShare, VaultError>;

    /// Removes what was noted and never came to its end, and nothing else: it is no error if nothing
    /// of it was made.
    fn clear(&mut self, remains: &Remains) -> Result<(), VaultError>;

    /// How the PIN's counter stands. Never spends a try.
    fn pin_count(&mut self, share: &SealedShare) -> Result<PinCount, VaultError>;

    /// Does all that can be done before the PIN is known, while the person types. Optional:
    /// [`Vault::sign`] does what is missing. What was prepared for another share is dropped.
    fn prepare(&mut self, share: &SealedShare) -> Result<(), VaultError>;

    /// Checks the PIN, counts the try and makes the share of the signature: one act of the hardware.
    /// Whoever calls checks the share, whatever the hardware is, before it leaves the machine.
    ///
    /// Hardware that cannot check it counts the try and answers [`PinOutcome::Unjudged`]; the share
    /// is made by [`Vault::settle`], after the service has said that the PIN was right.
    fn sign(
        &mut self,
        share: &SealedShare,
        pin: Pin,
        message: &EncodedMessage,
    ) -> Result<PinOutcome<PartialSignature>, VaultError>;

    /// Lets the hardware certify the PIN's counter over the service's nonce.
    fn certify_count(
        &mut self,
        identity: &SealedIdentity,
        share: &SealedShare,
        nonce: &[u8],
    ) -> Result<CertifiedReading, VaultError>;

    /// Opens the session that a release will be bound to, and returns its nonce. It waits until
    /// [`Vault::finish_release`], another `begin_release` or the end of the vault.
    fn begin_release(&mut self, share: &SealedShare) -> Result<Octets, VaultError>;

    /// Raises the PIN's limit with the service's release. Repeating an applied one changes nothing.
    fn finish_release(
        &mut self,
        share: &SealedShare,
        release: &Release,
    ) -> Result<PinCount, VaultError>;

    /// Takes the service's verdict on the last proof of this share's PIN, and does what the PIN was
    /// entered for if it was right. The proof waits for it as long as no other PIN of the share is
    /// entered and the vault lives.
    fn settle(&mut self, share: &SealedShare, verdict: &PinVerdict) -> Result<Settled, VaultError>;

    /// Brings the counter in line with the service's ledger: what a lost verdict, a crash or an old
    /// copy of the hardware's memory left behind. Where the hardware judges it changes nothing.
    fn reconcile(
        &mut self,
        share: &SealedShare,
        ledger: &PinLedger,
    ) -> Result<PinCount, VaultError>;

    /// Sets a new PIN by the old one, which counts as a try. [`PinOutcome::Unjudged`] as in
    /// [`Vault::sign`].
    fn change_pin(
        &mut self,
        share: &SealedShare,
        old: Pin,
        new: &Pin,
    ) -> Result<PinOutcome<()>, VaultError>;

    /// Removes the share from the hardware. Destroying what is gone already is no error.
    fn destroy(&mut self, share: SealedShare) -> Result<(), VaultError>;

    /// Removes an account's device key from the hardware, where it is kept there. Destroying what
    /// is gone already is no error.
    fn destroy_identity(&mut self, identity: SealedIdentity) -> Result<(), VaultError>;
}

/// Writes down what an enrolment is about to leave in the hardware, so that a later life of the
/// program can [`Vault::clear`] it.
pub type Note<'a> = dyn FnMut(Remains) -> Result<(), VaultError> + 'a;

/// What a PIN led to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum PinOutcome<T> {
    /// The PIN was right.
    Accepted(T),
    /// The PIN was wrong, and the hardware counted the try.
    Wrong {
        /// How many tries are left before the lock; `None` where the hardware may not be asked
        /// (an owner password is set and was not given to us). 0: this try was the last.
        tries_left: Option<u32>,
    },
    /// The hardware judges no PIN until it is released. No try was counted.
    Locked,
    /// The hardware counted the try and cannot judge it: the service has to, by this proof.
    /// Nothing that the PIN would open has left the hardware yet.
    Unjudged(ProvePin),
}

impl<T> PinOutcome<T> {
    /// The same with something else made of what the right PIN opened.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> PinOutcome<U> {
        match self {
            Self::Accepted(opened) => PinOutcome::Accepted(make(opened)),
            Self::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
            Self::Locked => PinOutcome::Locked,
            Self::Unjudged(proof) => PinOutcome::Unjudged(proof),
        }
    }
}

/// Who judges PINs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The hardware, alone.
    Hardware,
    /// The service, by proofs.
    Service,
}

/// What a verdict of the service led to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Settled {
    /// How the counter stands now.
    pub count: PinCount,
    /// The share of the signature, if the PIN was right and was entered for one.
    pub signature: Option<PartialSignature>,
}

/// What a new key share is for.
pub struct ShareEnrolment {
    /// Names the share in the hardware's policies and the service's releases: document number and
    /// purpose, see [`symbolon_protocol::release::PolicyReference`].
    pub reference: symbolon_protocol::release::PolicyReference,
    /// The service's release key: an uncompressed P-256 point, 65 octets.
    pub release_key: Octets,
    /// Which key of the account.
    pub purpose: KeyPurpose,
}

/// A key share that now exists.
pub struct EnrolledShare {
    /// What the daemon keeps and hands back; holds no secret in clear.
    pub sealed: SealedShare,
    /// What the service gets.
    pub public: DeviceKey,
}

/// A device identity that now exists.
pub struct NewIdentity {
    /// What the daemon keeps and hands back; holds no secret in clear.
    pub sealed: SealedIdentity,
    /// The device key, an uncompressed P-256 point, 65 octets: the TLS client certificate's key.
    pub device_key: Octets,
    /// What the service gets at enrolment.
    pub hardware: Hardware,
}

/// What holds the shares, in words for `doctor` and for the person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Custody {
    /// E.g. `TPM 2.0 IFX 7.85`.
    pub hardware: String,
    /// Whether the hardware itself enforces the lockout: every check of the probe passed.
    pub lockout_in_hardware: bool,
    /// What was examined, in the order of examination.
    pub findings: Vec<Finding>,
}

/// What the lack of a property means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Bearing {
    /// Nothing may be enrolled.
    Required,
    /// It should be known to whoever relies on the hardware; enrolling goes on.
    Expected,
    /// Nothing is amiss: no promise rests on it.
    Extra,
}

/// One examined property of the hardware.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// What was examined, in plain words.
    pub property: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it means if it does not.
    pub bearing: Bearing,
    /// What was seen, and what to do if it does not hold.
    pub detail: String,
}
