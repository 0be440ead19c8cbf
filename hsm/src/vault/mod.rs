//! The vault on a PKCS#11 token: it counts PIN entries and proves PINs; the service judges them.
//! What the scheme promises and what not: `docs/decisions/0027`.
//!
//! * here: the joint's calls.
//! * `acts`: what is asked of the token, as data.
//! * `sealed`: what the daemon keeps of a share and of an identity.
//! * `objects`: keys on the token.
//! * `counter`: the counter object.
//! * `asking_again`: shares for each use of which the token asks for its PIN.
//! * `examination`: what the token can do, found out by having it done.
//! * `extras`: what it offers beyond what is needed.
//! * `release`: what a release must be bound to before a limit rises.
//! * `opening`: the token, opened when it is first needed and again when it was gone.

pub(crate) mod acts;
mod asking_again;
mod counter;
mod examination;
mod extras;
mod objects;
mod opening;
mod release;
mod sealed;

use std::collections::HashMap;
use std::sync::Arc;

use p256::ecdsa::VerifyingKey;
use sha2::{Digest, Sha256};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::{DeviceKey, Hardware};
use symbolon_protocol::device::lock::{CertifiedReading, Release};
use symbolon_protocol::device::pin::{
    Judgement, PinLedger, PinVerdict, ProvePin, ProvenAct, message_digest,
};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::pin_proof::ProofKey;
use symbolon_protocol::split_key::device_modulus::{self, MOST_DRAWS};
use symbolon_protocol::split_key::{Modulus, PartialSignature};
use symbolon_protocol::token_reading;
use symbolon_vault::{
    Custody, EnrolledShare, Judge, NewIdentity, Note, Pin, PinOutcome, Remains, SealedIdentity,
    SealedShare, Settled, ShareEnrolment, Vault, VaultError,
};

use crate::address::TokenAddress;
use crate::hsm::Patience;
use crate::pin::PinSource;
use crate::process::Secret;
use acts::{
    Hmac, MakeDeviceKey, MakeShare, ReadOwnPin, Remove, RemoveDeviceKey, SignAsDevice,
    SignWithShare, Usable, WriteCounter,
};
use counter::Record;
use opening::{Opening, Work, fault};
use release::ReleaseSession;
use sealed::{Id, Identity, Share};

/// A vault on a PKCS#11 token.
pub struct TokenVault {
    opening: Opening,
    /// Entries whose proofs have no verdict yet: the last one of each share.
    waiting: HashMap<Id, Waiting>,
    /// Entries that were counted, and of which nobody will ever hear.
    unproven: HashMap<Id, Unproven>,
    release: Option<ReleaseSession>,
}

/// An entry that was counted before its PIN could be proven: the token failed in between.
struct Unproven {
    entry: u32,
    /// The count as it was before.
    before: PinCount,
}

/// An entry that waits for its verdict.
struct Waiting {
    entry: u32,
    /// What to sign, unless the PIN was entered to be changed.
    message: Option<EncodedMessage>,
}

impl TokenVault {
    /// A vault on a token. It is opened when it is first used, and again whenever it was gone.
    pub fn new(address: TokenAddress, pins: Arc<dyn PinSource>, patience: Patience) -> Self {
        Self {
            opening: Opening::new(address, pins, patience),
            waiting: HashMap::new(),
            unproven: HashMap::new(),
            release: None,
        }
    }

    /// Counts an entry and proves its PIN. What `act` says is made when the entry is counted.
    fn enter(
        &mut self,
        share: &Share,
        pin: Pin,
        act: impl FnOnce(&mut Self) -> Result<ProvenAct, VaultError>,
        message: Option<EncodedMessage>,
    ) -> Result<PinOutcome<Never>, VaultError> {
        self.waiting.remove(&share.id);
        let record = self.usable(share)?;
        if record.count.is_locked() {
            return Ok(PinOutcome::Locked);
        }
        let next = record
            .next_entry()
            .ok_or_else(|| fault("the counter has no higher number"))?;
        let proof = self.count_and_prove(share, pin, act, next);
        let proof = proof.inspect_err(|_| {
            let (entry, before) = (next.entries, record.count);
            let unproven = Unproven { entry, before };
            self.unproven.insert(share.id, unproven);
        })?;
        let waiting = Waiting {
            entry: next.entries,
            message,
        };
        self.waiting.insert(share.id, waiting);
        Ok(PinOutcome::Unjudged(proof))
    }

    /// Counts first, so that nobody can learn whether a PIN is right without its being counted.
    fn count_and_prove(
        &mut self,
        share: &Share,
        pin: Pin,
        act: impl FnOnce(&mut Self) -> Result<ProvenAct, VaultError>,
        counted: Record,
    ) -> Result<ProvePin, VaultError> {
        self.write(share, counted)?;
        let key = self.proof_key(share, &pin)?;
        drop(pin);
        let act = act(self)?;
        key.prove(
            &share.reference.document_number,
            share.reference.purpose,
            act,
            counted.entries,
            counted.count.failures,
        )
        .map_err(|error| fault(&format!("no proof could be made: {error}")))
    }

    /// The counter of a share whose keys are all there. What was counted for a token's failure is
    /// taken back: no proof left, so nobody has learnt anything.
    fn usable(&mut self, share: &Share) -> Result<Record, VaultError> {
        let record = self.opening.run(Work::Using, Usable { id: share.id })?;
        let Some(unproven) = self.unproven.get(&share.id) else {
            return Ok(record);
        };
        let record = match unproven.entry == record.entries {
            true => {
                let taken_back = record.with_count(unproven.before);
                self.write(share, taken_back)?;
                taken_back
            }
            false => record,
        };
        self.unproven.remove(&share.id);
        Ok(record)
    }

    fn write(&mut self, share: &Share, record: Record) -> Result<(), VaultError> {
        let id = share.id;
        self.opening.run(Work::Using, WriteCounter { id, record })
    }

    fn proof_key(&mut self, share: &Share, pin: &Pin) -> Result<ProofKey, VaultError> {
        let id = share.id;
        for number in 0..=u8::MAX {
            let input = Secret(ProofKey::hmac_input(number, pin.digits()));
            let candidate = self.opening.run(Work::Using, Hmac { id, input })?;
            if let Some(key) = ProofKey::from_hmac(&candidate.0) {
                return Ok(key);
            }
        }
        Err(fault("the token's HMAC gives no key"))
    }

    /// Takes what the service knows of a counter.
    fn adopt(&mut self, share: &Share, ledger: &PinLedger) -> Result<PinCount, VaultError> {
        let record = self.usable(share)?;
        let reconciled = ledger.reconciled(record.entries, record.count);
        if (reconciled.entries, reconciled.count) != (record.entries, record.count) {
            self.write(share, record.replaced_by(reconciled))?;
        }
        Ok(reconciled.count)
    }

    fn signature(
        &mut self,
        share: &Share,
        message: &EncodedMessage,
    ) -> Result<PartialSignature, VaultError> {
        let modulus = Modulus::from_octets(share.modulus.as_slice())
            .map_err(|error| fault(&error.to_string()))?;
        let (id, message) = (share.id, message.reduced(&modulus));
        let power = self
            .opening
            .run(Work::Using, SignWithShare { id, message })?;
        Ok(PartialSignature::from_octets(power))
    }

    /// Makes everything of a share; what is on the token before an error is removed by the caller.
    fn make(
        &mut self,
        id: Id,
        enrolment: &ShareEnrolment,
        pin: &Pin,
    ) -> Result<EnrolledShare, VaultError> {
        let share = Share {
            id,
            modulus: self.make_keys(id)?.to_octets().into(),
            reference: enrolment.reference.clone(),
            release_key: enrolment.release_key.clone(),
        };
        let key = self.proof_key(&share, pin)?;
        self.write(&share, Record::first())?;
        Ok(EnrolledShare {
            public: DeviceKey {
                modulus: share.modulus.clone(),
                pin_index_name: Octets(share.counter_name().to_vec()),
                pin_proof_key: Some(key.public()),
            },
            sealed: share.seal()?,
        })
    }

    /// Makes keys until one is preferred, or the last one will have to do; each making removes what
    /// the one before made.
    fn make_keys(&mut self, id: Id) -> Result<Modulus, VaultError> {
        let asks_again = self.opening.examine()?.extras.asks_again();
        let mut draws = 1;
        loop {
            let octets = self
                .opening
                .run(Work::Making, MakeShare { id, asks_again })?;
            let modulus =
                device_modulus::examine(&octets).map_err(|refusal| VaultError::Unfit {
                    detail: format!("the token makes bad RSA keys: {refusal}"),
                })?;
            if draws == MOST_DRAWS || device_modulus::prefers(&modulus) {
                return Ok(modulus);
            }
            draws += 1;
        }
    }

    /// Before anything is made, and so before the service hears of an enrolment.
    fn expect_fit(&mut self) -> Result<(), VaultError> {
        match self.opening.examine()?.unfit() {
            Some(detail) => Err(VaultError::Unfit { detail }),
            None => Ok(()),
        }
    }

    fn leave_nothing_of(&mut self, id: Id) {
        if let Err(error) = self.remove(id) {
            tracing::warn!(%error, "keys that were not finished are still on the token");
        }
    }

    fn remove(&mut self, id: Id) -> Result<(), VaultError> {
        self.waiting.remove(&id);
        self.opening.run(Work::Using, Remove { id })
    }
}

/// What an entry never leads to at once.
enum Never {}

/// The outcome of an entry as the outcome of what it is for.
fn outcome<T>(outcome: PinOutcome<Never>) -> PinOutcome<T> {
    match outcome {
        PinOutcome::Accepted(never) => match never {},
        PinOutcome::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
        PinOutcome::Locked => PinOutcome::Locked,
        PinOutcome::Unjudged(proof) => PinOutcome::Unjudged(proof),
    }
}

impl Vault for TokenVault {
    fn judge(&self) -> Judge {
        Judge::Service
    }

    fn custody(&mut self) -> Result<Custody, VaultError> {
        let ends = self.opening.process_ends();
        let own_pin = self.opening.run(Work::Using, ReadOwnPin)?;
        Ok(self.opening.examine()?.custody(ends, own_pin))
    }

    fn create_identity(&mut self, note: &mut Note<'_>) -> Result<NewIdentity, VaultError> {
        self.expect_fit()?;
        let id = Id::draw()?;
        note(id.remains()?)?;
        let made = self.opening.run(Work::Making, MakeDeviceKey { id });
        let (point, description) = made.inspect_err(|_| self.leave_nothing_of(id))?;
        let device_key = Octets(point);
        Ok(NewIdentity {
            sealed: Identity { id }.seal()?,
            hardware: Hardware::Token {
                device_key: device_key.clone(),
                description,
            },
            device_key,
        })
    }

    fn sign_as_device(
        &mut self,
        identity: &SealedIdentity,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], VaultError> {
        let (id, digest) = (Identity::open(identity)?.id, *digest);
        let signature = self.opening.run(Work::Using, SignAsDevice { id, digest })?;
        signature
            .try_into()
            .map_err(|_| fault("a signature of another length"))
    }

    fn enrol(
        &mut self,
        enrolment: &ShareEnrolment,
        pin: &Pin,
        note: &mut Note<'_>,
    ) -> Result<EnrolledShare, VaultError> {
        self.expect_fit()?;
        if VerifyingKey::from_sec1_bytes(enrolment.release_key.as_slice()).is_err() {
            return Err(fault("the release key is not a P-256 point"));
        }
        let id = Id::draw()?;
        note(id.remains()?)?;
        self.make(id, enrolment, pin)
            .inspect_err(|_| self.leave_nothing_of(id))
    }

    fn clear(&mut self, remains: &Remains) -> Result<(), VaultError> {
        self.remove(Id::of_remains(remains)?)
    }

    fn pin_count(&mut self, share: &SealedShare) -> Result<PinCount, VaultError> {
        let share = Share::open(share)?;
        Ok(self.usable(&share)?.count)
    }

    fn prepare(&mut self, share: &SealedShare) -> Result<(), VaultError> {
        self.pin_count(share).map(drop)
    }

    fn sign(
        &mut self,
        share: &SealedShare,
        pin: Pin,
        message: &EncodedMessage,
    ) -> Result<PinOutcome<PartialSignature>, VaultError> {
        let share = Share::open(share)?;
        let act = ProvenAct::Sign {
            message_digest: Octets(message_digest(message).to_vec()),
        };
        self.enter(&share, pin, |_| Ok(act), Some(message.clone()))
            .map(outcome)
    }

    fn certify_count(
        &mut self,
        identity: &SealedIdentity,
        share: &SealedShare,
        nonce: &[u8],
    ) -> Result<CertifiedReading, VaultError> {
        let share = Share::open(share)?;
        let count = self.usable(&share)?.count;
        let contents = token_reading::contents(&share.counter_name(), count, nonce);
        let signature = self.sign_as_device(identity, &Sha256::digest(&contents).into())?;
        Ok(CertifiedReading {
            attestation: Octets(contents),
            signature: Octets(signature.to_vec()),
        })
    }

    fn begin_release(&mut self, share: &SealedShare) -> Result<Octets, VaultError> {
        let share = Share::open(share)?;
        self.usable(&share)?;
        let session = ReleaseSession::begin(&share)?;
        Ok(self.release.insert(session).nonce())
    }

    fn finish_release(
        &mut self,
        share: &SealedShare,
        release: &Release,
    ) -> Result<PinCount, VaultError> {
        let share = Share::open(share)?;
        ReleaseSession::check(self.release.take(), &share, release)?;
        let record = self.usable(&share)?;
        if release.limit <= record.count.limit {
            return Ok(record.count);
        }
        let released = record.with_limit(release.limit);
        self.write(&share, released)?;
        Ok(released.count)
    }

    fn settle(&mut self, share: &SealedShare, verdict: &PinVerdict) -> Result<Settled, VaultError> {
        let share = Share::open(share)?;
        let waiting = self.waiting.remove(&share.id);
        let count = self.adopt(&share, &verdict.ledger)?;
        if verdict.judgement != Judgement::Right {
            return Ok(Settled {
                count,
                signature: None,
            });
        }
        let waiting = waiting
            .filter(|waiting| waiting.entry == verdict.ledger.entries)
            .ok_or_else(|| fault("no proof waits for this verdict"))?;
        let signature = waiting
            .message
            .map(|message| self.signature(&share, &message))
            .transpose()?;
        Ok(Settled { count, signature })
    }

    fn reconcile(
        &mut self,
        share: &SealedShare,
        ledger: &PinLedger,
    ) -> Result<PinCount, VaultError> {
        let share = Share::open(share)?;
        self.adopt(&share, ledger)
    }

    fn change_pin(
        &mut self,
        share: &SealedShare,
        old: Pin,
        new: &Pin,
    ) -> Result<PinOutcome<()>, VaultError> {
        let share = Share::open(share)?;
        let act = |vault: &mut Self| {
            Ok(ProvenAct::ChangePin {
                new_proof_key: vault.proof_key(&share, new)?.public(),
            })
        };
        self.enter(&share, old, act, None).map(outcome)
    }

    fn destroy(&mut self, share: SealedShare) -> Result<(), VaultError> {
        let share = Share::open(&share)?;
        self.remove(share.id)
    }

    fn destroy_identity(&mut self, identity: SealedIdentity) -> Result<(), VaultError> {
        let id = Identity::open(&identity)?.id;
        self.opening.run(Work::Using, RemoveDeviceKey { id })
    }
}
