//! A vault in memory, for this crate's tests alone. It counts as hardware does, and lets a test
//! look inside and break it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use num_bigint::BigUint;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::{DeviceKey, Hardware};
use symbolon_protocol::device::lock::{CertifiedReading, Release};
use symbolon_protocol::device::pin::{PinLedger, PinVerdict};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::split_key::{Modulus, PartialSignature};
use symbolon_vault::{
    Bearing, Custody, EnrolledShare, Finding, Judge, NewIdentity, Note, Pin, PinOutcome, Remains,
    SealedIdentity, SealedShare, Settled, ShareEnrolment, Vault, VaultError,
};

use crate::locked::locked;
use crate::test_keys::KEYS;

/// Clones share what they hold, so that a test keeps one.
#[derive(Clone, Default)]
pub(crate) struct TestVault(Arc<Mutex<Inside>>);

#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) identities: BTreeMap<usize, SigningKey>,
    /// How many identities were ever made.
    pub(crate) identified: usize,
    pub(crate) shares: BTreeMap<usize, TestShare>,
    /// How many shares were ever made.
    pub(crate) enrolled: usize,
    /// How many PINs were judged.
    pub(crate) judged: usize,
    /// The next calls that touch the hardware fail with this many faults.
    pub(crate) faults: usize,
    /// The next share is wrong.
    pub(crate) glitches: bool,
}

pub(crate) struct TestShare {
    modulus: BigUint,
    exponent: BigUint,
    pin: Vec<u8>,
    pub(crate) count: PinCount,
}

impl TestVault {
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        locked(&self.0)
    }

    /// What the share of this number leaves.
    pub(crate) fn remains_of(number: usize) -> Remains {
        Remains {
            backend: "test".to_owned(),
            content: serde_json::json!({ "share": number }),
        }
    }

    fn hardware(&self) -> Result<MutexGuard<'_, Inside>, VaultError> {
        let mut inside = self.inside();
        if inside.faults > 0 {
            inside.faults -= 1;
            return Err(VaultError::Unavailable {
                detail: "the test says so".to_owned(),
                source: None,
            });
        }
        Ok(inside)
    }
}

impl Inside {
    fn share(&mut self, sealed: &SealedShare) -> Result<&mut TestShare, VaultError> {
        let number = sealed.content["share"].as_u64().unwrap() as usize;
        self.shares.get_mut(&number).ok_or(VaultError::Lost {
            detail: "no such share".to_owned(),
        })
    }

    fn judge(&mut self, sealed: &SealedShare, pin: &Pin) -> Result<PinOutcome<()>, VaultError> {
        let share = self.share(sealed)?;
        if share.count.is_locked() {
            return Ok(PinOutcome::Locked);
        }
        let right = share.pin == pin.digits();
        if right {
            share.count = PinCount {
                failures: 0,
                limit: 3,
            };
        } else {
            share.count.failures += 1;
        }
        let tries_left = share.count.tries_left();
        self.judged += 1;
        Ok(if right {
            PinOutcome::Accepted(())
        } else {
            PinOutcome::Wrong {
                tries_left: Some(tries_left),
            }
        })
    }
}

impl Vault for TestVault {
    fn judge(&self) -> Judge {
        Judge::Hardware
    }

    fn custody(&mut self) -> Result<Custody, VaultError> {
        let _hardware = self.hardware()?;
        Ok(Custody {
            hardware: "memory of a test".to_owned(),
            lockout_in_hardware: false,
            findings: vec![Finding {
                property: "it counts wrong PINs".to_owned(),
                holds: true,
                bearing: Bearing::Required,
                detail: "as the tests see".to_owned(),
            }],
        })
    }

    fn create_identity(&mut self, _: &mut Note<'_>) -> Result<NewIdentity, VaultError> {
        let mut inside = self.hardware()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).unwrap();
        let key = SigningKey::from_slice(&secret).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let number = inside.identified;
        inside.identified += 1;
        inside.identities.insert(number, key);
        Ok(NewIdentity {
            sealed: SealedIdentity {
                backend: "test".to_owned(),
                content: serde_json::json!({ "identity": number }),
            },
            device_key: Octets::from(point.as_bytes()),
            hardware: Hardware::Tpm {
                attestation_key: Octets::from(point.as_bytes()),
                description: "test".to_owned(),
            },
        })
    }

    fn sign_as_device(
        &mut self,
        identity: &SealedIdentity,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], VaultError> {
        let inside = self.hardware()?;
        let number = identity.content["identity"].as_u64().unwrap() as usize;
        let key = inside.identities.get(&number).ok_or(VaultError::Lost {
            detail: "no such identity".to_owned(),
        })?;
        let signature: p256::ecdsa::Signature = key.sign_prehash(digest).unwrap();
        Ok(signature.to_bytes().into())
    }

    fn enrol(
        &mut self,
        _enrolment: &ShareEnrolment,
        pin: &Pin,
        note: &mut Note<'_>,
    ) -> Result<EnrolledShare, VaultError> {
        let mut inside = self.hardware()?;
        let number = inside.enrolled;
        inside.enrolled += 1;
        note(Self::remains_of(number))?;
        let (modulus, exponent) = KEYS[number % KEYS.len()];
        let number_of = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
        let share = TestShare {
            modulus: number_of(modulus),
            exponent: number_of(exponent),
            pin: pin.digits().to_vec(),
            count: PinCount {
                failures: 0,
                limit: 3,
            },
        };
        let modulus = Octets(share.modulus.to_bytes_be());
        inside.shares.insert(number, share);
        Ok(EnrolledShare {
            sealed: SealedShare {
                backend: "test".to_owned(),
                content: serde_json::json!({ "share": number }),
            },
            public: DeviceKey {
                modulus,
                pin_index_name: Octets(vec![0; 34]),
                pin_proof_key: None,
            },
        })
    }

    fn clear(&mut self, remains: &Remains) -> Result<(), VaultError> {
        let number = remains.content["share"].as_u64().unwrap() as usize;
        self.hardware()?.shares.remove(&number);
        Ok(())
    }

    fn pin_count(&mut self, share: &SealedShare) -> Result<PinCount, VaultError> {
        Ok(self.hardware()?.share(share)?.count)
    }

    fn prepare(&mut self, share: &SealedShare) -> Result<(), VaultError> {
        self.pin_count(share).map(drop)
    }

    fn sign(
        &mut self,
        sealed: &SealedShare,
        pin: Pin,
        message: &EncodedMessage,
    ) -> Result<PinOutcome<PartialSignature>, VaultError> {
        let mut inside = self.hardware()?;
        Ok(match inside.judge(sealed, &pin)? {
            PinOutcome::Wrong { tries_left } => PinOutcome::Wrong { tries_left },
            PinOutcome::Locked => PinOutcome::Locked,
            PinOutcome::Unjudged(proof) => PinOutcome::Unjudged(proof),
            PinOutcome::Accepted(()) => {
                let share = inside.share(sealed)?;
                let modulus = Modulus::from_octets(&share.modulus.to_bytes_be()).unwrap();
                let base = BigUint::from_bytes_be(&message.reduced(&modulus));
                let power = base.modpow(&share.exponent, &share.modulus).to_bytes_be();
                let mut octets = vec![0; modulus.octets() - power.len()];
                octets.extend(power);
                octets[200] ^= u8::from(std::mem::take(&mut inside.glitches));
                PinOutcome::Accepted(PartialSignature::from_octets(octets))
            }
        })
    }

    fn certify_count(
        &mut self,
        _identity: &SealedIdentity,
        share: &SealedShare,
        nonce: &[u8],
    ) -> Result<CertifiedReading, VaultError> {
        let count = self.hardware()?.share(share)?.count;
        // A reading that the tests' service understands.
        Ok(CertifiedReading {
            attestation: Octets(serde_json::to_vec(&count).unwrap()),
            signature: Octets::from(nonce),
        })
    }

    fn begin_release(&mut self, share: &SealedShare) -> Result<Octets, VaultError> {
        self.pin_count(share)?;
        Ok(Octets(vec![7; 32]))
    }

    fn finish_release(
        &mut self,
        share: &SealedShare,
        release: &Release,
    ) -> Result<PinCount, VaultError> {
        let mut inside = self.hardware()?;
        let share = inside.share(share)?;
        share.count.limit = share.count.limit.max(release.limit);
        Ok(share.count)
    }

    fn settle(&mut self, _: &SealedShare, _: &PinVerdict) -> Result<Settled, VaultError> {
        unreachable!("it judges PINs itself")
    }

    fn reconcile(&mut self, share: &SealedShare, _: &PinLedger) -> Result<PinCount, VaultError> {
        self.pin_count(share)
    }

    fn change_pin(
        &mut self,
        sealed: &SealedShare,
        old: Pin,
        new: &Pin,
    ) -> Result<PinOutcome<()>, VaultError> {
        let mut inside = self.hardware()?;
        let outcome = inside.judge(sealed, &old)?;
        if outcome == PinOutcome::Accepted(()) {
            inside.share(sealed)?.pin = new.digits().to_vec();
        }
        Ok(outcome)
    }

    fn destroy(&mut self, share: SealedShare) -> Result<(), VaultError> {
        let mut inside = self.hardware()?;
        let number = share.content["share"].as_u64().unwrap() as usize;
        inside.shares.remove(&number);
        Ok(())
    }

    fn destroy_identity(&mut self, identity: SealedIdentity) -> Result<(), VaultError> {
        let mut inside = self.hardware()?;
        let number = identity.content["identity"].as_u64().unwrap() as usize;
        inside.identities.remove(&number);
        Ok(())
    }
}
