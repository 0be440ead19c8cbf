//! The one method by which key identifiers are made here.

use sha2::{Digest, Sha256};

/// The leftmost 160 bits of the SHA-256 of the `subjectPublicKey` bits (RFC 7093 section 2, method
/// 1). Subject and authority key identifiers must agree, so nothing else makes one.
pub fn of(subject_public_key: &[u8]) -> [u8; 20] {
    let digest = Sha256::digest(subject_public_key);
    let mut identifier = [0; 20];
    identifier.copy_from_slice(&digest[..20]);
    identifier
}
