//! The arithmetic of sessions (TPM 2.0 Part 1 sections 11.4, 17.6, 19.6 and 21, for SHA-256,
//! P-256 and AES-128-CFB).

use aes::Aes128;
use cfb_mode::cipher::{AsyncStreamCipher, KeyIvInit};
use cfb_mode::{Decryptor, Encryptor};
use hmac::{Hmac, Mac};
use p256::ecdh::EphemeralSecret;
use p256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{EncodedPoint, PublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The size of nonces and keys: that of SHA-256.
pub(super) const SIZE: usize = 32;

/// A key that is wiped.
pub(super) type Key = Zeroizing<[u8; SIZE]>;

/// A salt that only the owner of a storage key can read, and how it travels.
pub(super) struct Salt {
    pub(super) value: Key,
    /// The sender's ephemeral point: `x` and `y`.
    pub(super) point: [[u8; SIZE]; 2],
}

/// Draws a salt for the storage key at `point`, uncompressed (Part 1 section C.6.3). `None` if
/// that is no point of the curve.
pub(super) fn draw_salt(point: &[u8; 65], random: &mut (impl CryptoRng + RngCore)) -> Option<Salt> {
    let recipient = PublicKey::from_sec1_bytes(point).ok()?;
    let ephemeral = EphemeralSecret::random(random);
    let sent = ephemeral.public_key().to_encoded_point(false);
    let shared = ephemeral.diffie_hellman(&recipient);
    let x = coordinate(sent.x()?);
    Some(Salt {
        value: kdf_e(
            shared.raw_secret_bytes(),
            b"SECRET\0",
            &x,
            &coordinate(EncodedPoint::from(recipient).x()?),
        ),
        point: [x, coordinate(sent.y()?)],
    })
}

fn coordinate(octets: &[u8]) -> [u8; SIZE] {
    let mut fixed = [0; SIZE];
    fixed.copy_from_slice(octets);
    fixed
}

/// KDFe (Part 1 section 11.4.10.3) for 256 bits, which are one round: SP 800-56A's one-step
/// derivation. `label` ends in zero.
fn kdf_e(shared: &[u8], label: &[u8], sender: &[u8], recipient: &[u8]) -> Key {
    let mut digest = Sha256::new()
        .chain_update(1u32.to_be_bytes())
        .chain_update(shared)
        .chain_update(label)
        .chain_update(sender)
        .chain_update(recipient)
        .finalize();
    take(&mut digest)
}

/// KDFa (Part 1 section 11.4.10.2) for 256 bits, which are one round: SP 800-108 in counter mode.
/// `label` ends in zero.
pub(super) fn kdf_a(key: &[u8], label: &[u8], newer: &[u8], older: &[u8]) -> Key {
    let bits = u32::from(u8::MAX) + 1;
    hmac(
        key,
        &[
            &1u32.to_be_bytes(),
            label,
            newer,
            older,
            &bits.to_be_bytes(),
        ],
    )
}

/// HMAC-SHA-256 over the parts.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = started(key);
    parts.iter().for_each(|part| mac.update(part));
    take(&mut mac.finalize().into_bytes())
}

/// Whether `claimed` is the HMAC over the parts, in constant time.
pub(super) fn is_hmac(key: &[u8], parts: &[&[u8]], claimed: &[u8]) -> bool {
    let mut mac = started(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(claimed).is_ok()
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length (RFC 2104 section 3)"
)]
fn started(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length will do")
}

fn take(digest: &mut [u8]) -> Key {
    let mut taken = Zeroizing::new([0; SIZE]);
    taken.copy_from_slice(digest);
    zeroize::Zeroize::zeroize(digest);
    taken
}

/// SHA-256 over the parts.
pub(super) fn hash(parts: &[&[u8]]) -> [u8; SIZE] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

/// Encrypts a parameter in place (Part 1 section 21.3).
pub(super) fn encrypt(session_value: &[u8], newer: &[u8], older: &[u8], parameter: &mut [u8]) {
    let key = kdf_a(session_value, b"CFB\0", newer, older);
    let (key, vector) = key.split_at(16);
    Encryptor::<Aes128>::new(key.into(), vector.into()).encrypt(parameter);
}

/// Decrypts a parameter in place.
pub(super) fn decrypt(session_value: &[u8], newer: &[u8], older: &[u8], parameter: &mut [u8]) {
    let key = kdf_a(session_value, b"CFB\0", newer, older);
    let (key, vector) = key.split_at(16);
    Decryptor::<Aes128>::new(key.into(), vector.into()).decrypt(parameter);
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with Python's hmac and hashlib, and with `openssl enc -aes-128-cfb`, from the
    // formulas of the specification.
    #[test]
    fn derivations() {
        let key: Vec<u8> = (0..32).collect();
        let (newer, older) = ([0x11; 32], [0x22; 32]);
        assert_eq!(hex(&*kdf_a(&key, b"ATH\0", &newer, &older)), KDF_A);
        assert_eq!(hex(&*kdf_e(&key, b"SECRET\0", &newer, &older)), KDF_E);
    }

    #[test]
    fn parameters_travel_encrypted() {
        let key: Vec<u8> = (0..32).collect();
        let mut parameter: Vec<u8> = (0..40).collect();
        encrypt(&key, &[0x11; 32], &[0x22; 32], &mut parameter);
        assert_eq!(hex(&parameter), CFB);
        decrypt(&key, &[0x11; 32], &[0x22; 32], &mut parameter);
        assert_eq!(parameter, (0..40).collect::<Vec<u8>>());
    }

    #[test]
    fn an_altered_hmac_is_none() {
        let mut tag = hmac(b"key", &[b"a", b"b"]);
        assert!(is_hmac(b"key", &[b"ab"], &*tag));
        tag[31] ^= 1;
        assert!(!is_hmac(b"key", &[b"ab"], &*tag));
        assert!(!is_hmac(b"key", &[b"ab"], &[]));
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    const KDF_A: &str = "a8679444f320a6d0a02c03cac153c458f28758eca056594e887fcefdc2d7e95b";
    const KDF_E: &str = "c21be073521259773cab940e5cbd0a66105a8da939b0b3ae13b7d7a37555b3e3";
    const CFB: &str =
        "62219306d7c8cd998d12cbe94b7669795c368a5a171d7a9681a326c2f5a23564a6a15a00d0cad67a";
}
