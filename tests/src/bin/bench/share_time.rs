//! From the PIN to the share: our vault and a bare operation, on the same TPM, turn by turn.

use std::time::{Duration, Instant};

use symbolon_protocol::encoding::{EncodedMessage, HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::release::PolicyReference;
use symbolon_protocol::split_key::Modulus;
use symbolon_tests::folder::Folder;
use symbolon_tests::swtpm::Swtpm;
use symbolon_tpm::TpmVault;
use symbolon_vault::{Pin, PinOutcome, SealedShare, ShareEnrolment, Vault};

use crate::bare_token::median;
use crate::bare_tpm::BareTpm;
use crate::report::middle;

/// Approvals, and bare operations, over which the middle is taken.
const RUNS: usize = 200;

/// What was measured.
pub(crate) struct ShareTime {
    pub(crate) pin_to_share: Duration,
    pub(crate) bare: Duration,
}

/// Measures on a TPM of its own.
pub(crate) fn measure() -> ShareTime {
    let folder = Folder::new("bench-tpm");
    let swtpm = Swtpm::start(&folder.sub("tpm"), &folder.logs());
    let mut vault = TpmVault::open(&swtpm.tcti(), None).unwrap();
    let enrolled = vault
        .enrol(
            &ShareEnrolment {
                reference: PolicyReference {
                    document_number: "PNOEE-30303039914-BENC-Q".parse().unwrap(),
                    purpose: KeyPurpose::Authentication,
                },
                release_key: release_key().into(),
                purpose: KeyPurpose::Authentication,
            },
            &pin(),
            &mut |_| Ok(()),
        )
        .unwrap();
    let modulus = Modulus::from_octets(enrolled.public.modulus.as_slice()).unwrap();
    let message = message(&modulus);
    let half = RUNS / 2;
    let mut times = shares(&mut vault, &enrolled.sealed, &message, half);
    drop(vault);
    // In between, so that a machine that slows down slows both.
    let mut bare_tpm = BareTpm::open(&swtpm.tcti());
    let bare = median(RUNS, || bare_tpm.operate());
    drop(bare_tpm);
    let mut vault = TpmVault::open(&swtpm.tcti(), None).unwrap();
    times.extend(shares(&mut vault, &enrolled.sealed, &message, half));
    ShareTime {
        pin_to_share: middle(times),
        bare,
    }
}

fn shares(
    vault: &mut TpmVault,
    share: &SealedShare,
    message: &EncodedMessage,
    runs: usize,
) -> Vec<Duration> {
    (0..runs)
        .map(|_| {
            vault.prepare(share).unwrap();
            let pin = pin();
            let begun = Instant::now();
            let outcome = vault.sign(share, pin, message).unwrap();
            let took = begun.elapsed();
            assert!(matches!(outcome, PinOutcome::Accepted(_)));
            took
        })
        .collect()
}

fn message(modulus: &Modulus) -> EncodedMessage {
    let algorithm = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
    let digest = HashAlgorithm::Sha256.digest(b"a message");
    EncodedMessage::encode(algorithm, &digest, &[7; 32], modulus).unwrap()
}

fn pin() -> Pin {
    Pin::parse(b"1593").unwrap()
}

/// Any point of the curve will do: no release is asked for.
fn release_key() -> Vec<u8> {
    let folder = Folder::new("bench-key");
    symbolon_tests::raw_tls::ClientKey::make(folder.path()).point()
}
