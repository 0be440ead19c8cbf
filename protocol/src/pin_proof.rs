//! Proofs of PINs that the service judges: the key that a PIN gives, and what it signs.
//!
//! The key comes from `HMAC-SHA256(token key, PIN)`, where the token key never leaves the
//! hardware: without the hardware a proof, or its public key, tells nothing about the PIN.

use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bytes::Octets;
use crate::device::pin::{ProvePin, ProvenAct};
use crate::identifiers::{DocumentNumber, KeyPurpose};

/// The key that a PIN gives: lives as long as one entry, and is wiped.
pub struct ProofKey(SigningKey);

impl ProofKey {
    /// What the hardware's HMAC key authenticates to give a candidate for the key. A candidate is
    /// no scalar of P-256 once in 2^32; then the next number is taken.
    pub fn hmac_input(number: u8, pin: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut input = Zeroizing::new(Vec::with_capacity(64));
        input.extend_from_slice(b"symbolon pin proof key\0");
        input.push(number);
        input.extend_from_slice(pin);
        input
    }

    /// The key of an HMAC; none if that is no scalar.
    pub fn from_hmac(hmac: &[u8]) -> Option<Self> {
        SigningKey::from_slice(hmac).ok().map(Self)
    }

    /// Its public half: an uncompressed point, 65 octets.
    pub fn public(&self) -> Octets {
        Octets::from(self.0.verifying_key().to_encoded_point(false).as_bytes())
    }

    /// Makes a proof.
    pub fn prove(
        &self,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
        act: ProvenAct,
        entry: u32,
        failures: u32,
    ) -> Result<ProvePin, p256::ecdsa::Error> {
        let mut proof = ProvePin {
            purpose,
            act,
            entry,
            failures,
            signature: Octets(Vec::new()),
        };
        let digest = signed_digest(document_number, &proof);
        let signature: Signature = self.0.sign_prehash(&digest)?;
        proof.signature = Octets(signature.to_bytes().to_vec());
        Ok(proof)
    }
}

/// Whether the PIN of a proof is the one whose proof key, an uncompressed point, this is.
pub fn is_right(document_number: &DocumentNumber, proof: &ProvePin, proof_key: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (
        VerifyingKey::from_sec1_bytes(proof_key),
        Signature::from_slice(proof.signature.as_slice()),
    ) else {
        return false;
    };
    key.verify_prehash(&signed_digest(document_number, proof), &signature)
        .is_ok()
}

/// Everything but the signature; what has no fixed length ends with an octet that it cannot hold.
fn signed_digest(document_number: &DocumentNumber, proof: &ProvePin) -> [u8; 32] {
    let (act, content) = match &proof.act {
        ProvenAct::Sign { message_digest } => ("sign", message_digest),
        ProvenAct::ChangePin { new_proof_key } => ("change", new_proof_key),
    };
    Sha256::new()
        .chain_update("symbolon pin proof\0")
        .chain_update(document_number.as_str())
        .chain_update("\0")
        .chain_update(proof.purpose.as_str())
        .chain_update("\0")
        .chain_update(act)
        .chain_update("\0")
        .chain_update(proof.entry.to_be_bytes())
        .chain_update(proof.failures.to_be_bytes())
        .chain_update(content.as_slice())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document_number(text: &str) -> DocumentNumber {
        text.parse().unwrap()
    }

    #[test]
    fn a_proof_is_for_one_account_one_entry_and_one_act() {
        let account = document_number("PNOEE-40504040001-DEM0-Q");
        let key = ProofKey::from_hmac(&[7; 32]).unwrap();
        let act = ProvenAct::Sign {
            message_digest: vec![1; 32].into(),
        };
        let proof = key.prove(&account, KeyPurpose::Signing, act, 5, 2).unwrap();
        let public = key.public();
        assert!(is_right(&account, &proof, public.as_slice()));
        let other = ProofKey::from_hmac(&[8; 32]).unwrap().public();
        assert!(!is_right(&account, &proof, other.as_slice()));
        let elsewhere = document_number("PNOEE-40504040001-DEM1-Q");
        assert!(!is_right(&elsewhere, &proof, public.as_slice()));
        let changes: [fn(&mut ProvePin); 5] = [
            |proof| proof.purpose = KeyPurpose::Authentication,
            |proof| proof.entry += 1,
            |proof| proof.failures -= 1,
            |proof| {
                proof.act = ProvenAct::Sign {
                    message_digest: vec![2; 32].into(),
                };
            },
            |proof| {
                proof.act = ProvenAct::ChangePin {
                    new_proof_key: vec![1; 32].into(),
                };
            },
        ];
        for change in changes {
            let mut changed = proof.clone();
            change(&mut changed);
            assert!(!is_right(&account, &changed, public.as_slice()));
        }
    }

    #[test]
    fn what_is_no_scalar_is_no_key() {
        assert!(ProofKey::from_hmac(&[0; 32]).is_none());
        assert!(ProofKey::from_hmac(&[0xff; 32]).is_none());
        assert_ne!(
            ProofKey::hmac_input(0, b"4711"),
            ProofKey::hmac_input(1, b"4711")
        );
    }
}
