//! What stands in for the service that judges the PIN of one share.

use std::cell::RefCell;

use symbolon_protocol::device::enrolment::DeviceKey;
use symbolon_protocol::device::pin::{Judgement, PinLedger, PinVerdict, ProvePin, ProvenAct};
use symbolon_protocol::lockout::{LIMITS, PinCount};
use symbolon_protocol::pin_proof;
use symbolon_protocol::release::PolicyReference;
use symbolon_protocol::split_key::PartialSignature;

use crate::{PinOutcome, SealedShare, Settled, Vault};

/// A judge of proofs. It counts as the service does, and leaves locks to the hardware.
pub struct Judging {
    reference: PolicyReference,
    books: RefCell<Books>,
}

struct Books {
    proof_key: Vec<u8>,
    entries: u32,
    failures: u32,
}

impl Judging {
    pub(super) fn new(reference: &PolicyReference, public: &DeviceKey) -> Self {
        let key = public.pin_proof_key.as_ref();
        Self {
            reference: reference.clone(),
            books: RefCell::new(Books {
                proof_key: key.map(|key| key.0.clone()).unwrap_or_default(),
                entries: 0,
                failures: 0,
            }),
        }
    }

    /// Judges a proof.
    pub fn verdict(&self, proof: &ProvePin) -> PinVerdict {
        assert_eq!(proof.purpose, self.reference.purpose);
        let mut books = self.books.borrow_mut();
        let judgement = if proof.entry <= books.entries {
            Judgement::SetBack
        } else {
            books.entries = proof.entry;
            books.failures = proof.failures.max(books.failures + 1);
            let account = &self.reference.document_number;
            match pin_proof::is_right(account, proof, &books.proof_key) {
                true => {
                    books.failures = 0;
                    if let ProvenAct::ChangePin { new_proof_key } = &proof.act {
                        books.proof_key.clone_from(&new_proof_key.0);
                    }
                    Judgement::Right
                }
                false => Judgement::Wrong,
            }
        };
        PinVerdict {
            judgement,
            ledger: PinLedger {
                entries: books.entries,
                count: PinCount {
                    failures: books.failures,
                    limit: LIMITS[0],
                },
            },
        }
    }

    pub(super) fn judged<T>(
        &self,
        vault: &mut dyn Vault,
        share: &SealedShare,
        outcome: PinOutcome<T>,
        opened: impl FnOnce(Option<PartialSignature>) -> T,
    ) -> PinOutcome<T> {
        let PinOutcome::Unjudged(proof) = outcome else {
            return outcome;
        };
        let verdict = self.verdict(&proof);
        let Settled { count, signature } = vault.settle(share, &verdict).unwrap();
        match verdict.judgement {
            Judgement::Right => PinOutcome::Accepted(opened(signature)),
            Judgement::Wrong => {
                assert_eq!(signature, None, "a wrong PIN opens nothing");
                PinOutcome::Wrong {
                    tries_left: Some(count.tries_left()),
                }
            }
            Judgement::SetBack => panic!("the counter was set back"),
        }
    }
}
