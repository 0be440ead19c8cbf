//! Seeing that what a token signed is right. For the examination of a token alone: the service
//! checks what it combines itself.

use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use crate::key::Curve;

/// The public exponent of all key shares.
const PUBLIC_EXPONENT: u32 = 65537;

/// Whether `signature^e = message mod n`; all big endian.
pub(crate) fn raw_rsa(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let power = BigUint::from_bytes_be(signature).modpow(
        &BigUint::from(PUBLIC_EXPONENT),
        &BigUint::from_bytes_be(modulus),
    );
    power == BigUint::from_bytes_be(message)
}

/// Whether r and s fit an uncompressed point and a digest as long as the curve's scalars.
pub(crate) fn ecdsa(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    match curve {
        Curve::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = p256::ecdsa::Signature::from_slice(signature);
            matches!((key, signature), (Ok(key), Ok(signature))
                if key.verify_prehash(digest, &signature).is_ok())
        }
        Curve::P384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = p384::ecdsa::Signature::from_slice(signature);
            matches!((key, signature), (Ok(key), Ok(signature))
                if key.verify_prehash(digest, &signature).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_off_by_one_is_seen() {
        // 3 * 11, e = 65537 = 7 mod 10, and d = 3: small numbers obey the same law.
        let (modulus, message) = ([33], [5]);
        let signature = [26];
        assert!(raw_rsa(&modulus, &message, &signature));
        assert!(!raw_rsa(&modulus, &message, &[27]));
        assert!(!raw_rsa(&modulus, &[6], &signature));
    }

    #[test]
    fn noise_is_no_signature() {
        for curve in [Curve::P256, Curve::P384] {
            let octets = curve.scalar_octets();
            assert!(!ecdsa(
                curve,
                &[4; 65],
                &vec![1; octets],
                &vec![1; 2 * octets]
            ));
        }
    }
}
