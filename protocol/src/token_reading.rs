//! Readings of a PKCS#11 token's PIN counter, signed by the device key.
//!
//! A token certifies nothing by itself, so a reading is worth what the daemon's word is worth. It
//! can begin a lock, which harms nobody but its own account, and can end none.

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use subtle::ConstantTimeEq;

use crate::attestation::ReadingError;
use crate::device::lock::CertifiedReading;
use crate::lockout::PinCount;
use crate::release::Name;

/// TLS, the other use of a device key, signs nothing that begins so (RFC 8446 section 4.4.3).
const BEGINNING: &[u8] = b"symbolon token reading\0";

/// What is signed, by ECDSA with SHA-256.
pub fn contents(counter: &Name, count: PinCount, nonce: &[u8]) -> Vec<u8> {
    [
        BEGINNING,
        counter,
        &count.failures.to_be_bytes(),
        &count.limit.to_be_bytes(),
        nonce,
    ]
    .concat()
}

/// Reads a counter that was signed over `nonce`. The device key is an uncompressed P-256 point.
pub fn read(
    reading: &CertifiedReading,
    device_key: &[u8],
    nonce: &[u8],
    counter: &[u8],
) -> Result<PinCount, ReadingError> {
    let signed = reading.attestation.as_slice();
    let key =
        VerifyingKey::from_sec1_bytes(device_key).map_err(|_| ReadingError::AttestationKey)?;
    let signature =
        Signature::from_slice(reading.signature.as_slice()).map_err(|_| ReadingError::Signature)?;
    key.verify(signed, &signature)
        .map_err(|_| ReadingError::Signature)?;
    let fields = signed
        .strip_prefix(BEGINNING)
        .ok_or(ReadingError::Malformed)?;
    let (name, fields) = fields
        .split_first_chunk::<34>()
        .ok_or(ReadingError::Malformed)?;
    let (failures, fields) = fields.split_first_chunk().ok_or(ReadingError::Malformed)?;
    let (limit, over) = fields.split_first_chunk().ok_or(ReadingError::Malformed)?;
    if name != counter {
        return Err(ReadingError::OtherIndex);
    }
    if !bool::from(over.ct_eq(nonce)) {
        return Err(ReadingError::Nonce);
    }
    Ok(PinCount {
        failures: u32::from_be_bytes(*failures),
        limit: u32::from_be_bytes(*limit),
    })
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer;

    use super::*;

    #[test]
    fn a_reading_is_of_one_counter_over_one_nonce_by_one_key() {
        let key = SigningKey::from_slice(&[5; 32]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let count = PinCount {
            failures: 3,
            limit: 6,
        };
        let signed = |octets: Vec<u8>| {
            let signature: Signature = key.sign(&octets);
            CertifiedReading {
                attestation: octets.into(),
                signature: signature.to_bytes().to_vec().into(),
            }
        };
        let reading = signed(contents(&[1; 34], count, &[9; 32]));
        let key = point.as_bytes();
        assert_eq!(read(&reading, key, &[9; 32], &[1; 34]), Ok(count));
        assert_eq!(
            read(&reading, key, &[8; 32], &[1; 34]),
            Err(ReadingError::Nonce)
        );
        assert_eq!(
            read(&reading, key, &[9; 32], &[2; 34]),
            Err(ReadingError::OtherIndex)
        );
        let mut altered = reading.clone();
        altered.attestation.0[60] ^= 1;
        assert_eq!(
            read(&altered, key, &[9; 32], &[1; 34]),
            Err(ReadingError::Signature)
        );
        let cut = signed(b"symbolon token reading\0cut".to_vec());
        assert_eq!(
            read(&cut, key, &[9; 32], &[1; 34]),
            Err(ReadingError::Malformed)
        );
    }
}
