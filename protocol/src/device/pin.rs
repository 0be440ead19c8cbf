//! PINs that the service judges, for hardware that cannot (a PKCS#11 token).
//!
//! The hardware counts an entry, derives a key from the PIN and signs with it what the PIN is
//! entered for: the proof. The service counts the entry as well, and only then looks whether the
//! proof is right. What may follow from a right PIN (a share of a signature, another PIN) is in
//! the proof, so that it opens nothing else. [`crate::pin_proof`] says what is signed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Exchange, Method};
use crate::bytes::Octets;
use crate::encoding::EncodedMessage;
use crate::identifiers::KeyPurpose;
use crate::lockout::PinCount;

/// A PIN was entered, and this is its proof. A byte-identical repetition of the last one gets the
/// same answer and is counted once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvePin {
    /// Which PIN.
    pub purpose: KeyPurpose,
    /// What it was entered for.
    pub act: ProvenAct,
    /// The how manyeth entry of this PIN it is; never used twice.
    pub entry: u32,
    /// Wrong entries since the last right one as the device counts them, this one among them.
    pub failures: u32,
    /// `r` and `s`, 64 octets, by the key that the PIN gives.
    pub signature: Octets,
}

impl std::fmt::Debug for ProvePin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvePin")
            .field("purpose", &self.purpose)
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

impl Exchange for ProvePin {
    type Reply = PinVerdict;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/device/v1/pin";
}

/// What a PIN was entered for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ProvenAct {
    /// One signature: if the PIN is right, the service takes a share of this message.
    Sign {
        /// SHA-256 of the encoded message, 32 octets.
        message_digest: Octets,
    },
    /// Another PIN: if this one is right, its place is taken.
    ChangePin {
        /// The proof key of the new PIN, an uncompressed P-256 point.
        new_proof_key: Octets,
    },
}

/// What a proof calls a message.
pub fn message_digest(message: &EncodedMessage) -> [u8; 32] {
    Sha256::digest(message.as_slice()).into()
}

/// What the service made of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinVerdict {
    /// Whether the PIN was right.
    pub judgement: Judgement,
    /// How the PIN stands after it.
    pub ledger: PinLedger,
}

/// Whether a PIN was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Judgement {
    /// It was.
    Right,
    /// It was not.
    Wrong,
    /// It was not looked at: an entry of this number was judged before. The device's counter was
    /// set back, or the proof is an old one.
    SetBack,
}

/// How the service has counted the entries of one PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinLedger {
    /// The number of the last entry.
    pub entries: u32,
    /// Wrong ones since the last right one, and where judging ends.
    pub count: PinCount,
}

/// The ledgers of an account's two PINs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinLedgers {
    /// PIN1's.
    pub authentication: PinLedger,
    /// PIN2's.
    pub signing: PinLedger,
}

impl PinLedgers {
    /// The ledger of one PIN.
    pub fn of(&self, purpose: KeyPurpose) -> &PinLedger {
        match purpose {
            KeyPurpose::Authentication => &self.authentication,
            KeyPurpose::Signing => &self.signing,
        }
    }
}

impl PinLedger {
    /// What a device that counted `entries` and `own` holds true after it has seen this ledger.
    ///
    /// Who has seen more entries knows better. Where the service has judged all that the device
    /// counted, its count holds, up and down; else the larger one. The limit only ever comes
    /// down, by a right PIN: raising it takes a release.
    pub fn reconciled(&self, entries: u32, own: PinCount) -> Self {
        let judged_all = self.entries >= entries;
        let failures = match judged_all {
            true => self.count.failures,
            false => own.failures.max(self.count.failures),
        };
        let limit = match judged_all && failures == 0 {
            true => own.limit.min(self.count.limit),
            false => own.limit,
        };
        Self {
            entries: self.entries.max(entries),
            count: PinCount { failures, limit },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(entries: u32, failures: u32, limit: u32) -> PinLedger {
        PinLedger {
            entries,
            count: PinCount { failures, limit },
        }
    }

    #[test]
    fn who_has_seen_more_entries_knows_better() {
        for (service, device, expected) in [
            // A right PIN, judged; also after a release.
            (ledger(4, 0, 3), ledger(4, 2, 3), ledger(4, 0, 3)),
            (ledger(9, 0, 3), ledger(9, 4, 6), ledger(9, 0, 3)),
            // A wrong one.
            (ledger(4, 2, 3), ledger(4, 2, 3), ledger(4, 2, 3)),
            // Entries that never reached the service stay counted.
            (ledger(4, 0, 3), ledger(5, 1, 3), ledger(5, 1, 3)),
            (ledger(4, 2, 3), ledger(6, 1, 3), ledger(6, 2, 3)),
            // A device that was set back takes what the service knows.
            (ledger(8, 2, 3), ledger(5, 0, 3), ledger(8, 2, 3)),
            (ledger(8, 0, 3), ledger(5, 2, 3), ledger(8, 0, 3)),
            // A limit is raised by nothing but a release.
            (ledger(8, 4, 6), ledger(5, 0, 3), ledger(8, 4, 3)),
            (ledger(8, 3, 9), ledger(8, 3, 3), ledger(8, 3, 3)),
            // Nor lowered by a ledger that knows of a lock alone.
            (ledger(3, 3, 3), ledger(3, 3, 6), ledger(3, 3, 6)),
        ] {
            assert_eq!(
                service.reconciled(device.entries, device.count),
                expected,
                "{service:?} and {device:?}"
            );
        }
    }
}
