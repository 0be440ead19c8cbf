//! Whether a device's modulus may be half of somebody's key.
//!
//! A device could send anything. Most of what it could send harms itself alone, but a key that
//! breaks easily is a signature that anybody can forge, and the certificate over it is ours.

use std::sync::LazyLock;

use num_bigint::BigUint;
use num_integer::Integer;

use super::modulus::{Modulus, ModulusError, PUBLIC_EXPONENT};

/// The length of every device modulus, in bits.
pub const BITS: usize = 2048;

/// Factors up to here are looked for.
const SMALL_FACTOR_BOUND: usize = 1 << 14;

/// So many steps of Fermat's method are tried.
const FERMAT_STEPS: usize = 64;

/// Takes a device's modulus, big endian, if nothing is known against it.
///
/// Whether it has been seen before, only the store can tell.
pub fn examine(modulus: &[u8]) -> Result<Modulus, KeyRefusal> {
    let modulus = Modulus::from_octets(modulus)?;
    if modulus.bits() != BITS {
        return Err(KeyRefusal::Length {
            bits: modulus.bits(),
        });
    }
    if has_small_factor(modulus.value()) {
        return Err(KeyRefusal::SmallFactor);
    }
    if has_roca_fingerprint(modulus.value()) {
        return Err(KeyRefusal::Roca);
    }
    if has_close_factors(modulus.value()) {
        return Err(KeyRefusal::CloseFactors);
    }
    Ok(modulus)
}

/// So many keys a device draws at most to get one that it [`prefers`]. Of primes from the upper
/// part of their range, 0.59 of the products are, so that two draws do on average (a slow chip
/// takes ten seconds and more for each), and fewer than one enrolment in a thousand million ends
/// with a key for which the service must search long and perhaps in vain.
pub const MOST_DRAWS: usize = 24;

/// Whether a 4096-bit product is likely: `n1 / 2^2048 >= 0.70`. Then every second modulus of the
/// service and more fits, and few have to be drawn.
pub fn prefers(modulus: &Modulus) -> bool {
    modulus.value() * 10u8 >= (BigUint::from(7u8) << BITS)
}

fn has_small_factor(modulus: &BigUint) -> bool {
    static PRIMORIAL: LazyLock<BigUint> = LazyLock::new(|| {
        primes_below(SMALL_FACTOR_BOUND)
            .skip(1)
            .map(|prime| BigUint::from(prime as u64))
            .product()
    });
    let remainder = &*PRIMORIAL % modulus;
    modulus.gcd(&remainder) != BigUint::from(1u8)
}

/// CVE-2017-15361 ("ROCA"): primes of one maker's library are `k·M + (65537^a mod M)`, where `M`
/// is the product of the first primes. So for each small prime `p` the modulus lies in the
/// subgroup of the residues that 65537 generates: for one other modulus in 2^28 it does by
/// chance (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017,
/// section 5.1).
fn has_roca_fingerprint(modulus: &BigUint) -> bool {
    static SUBGROUPS: LazyLock<Vec<(u32, Vec<bool>)>> = LazyLock::new(|| {
        primes_below(168)
            .filter(|prime| *prime >= 11)
            .map(|prime| (prime as u32, subgroup_of_public_exponent(prime as u32)))
            .collect()
    });
    SUBGROUPS.iter().all(|(prime, subgroup)| {
        let residue = (modulus % *prime).iter_u32_digits().next().unwrap_or(0);
        subgroup[residue as usize]
    })
}

/// Which residues modulo `prime` are powers of 65537.
fn subgroup_of_public_exponent(prime: u32) -> Vec<bool> {
    let mut members = vec![false; prime as usize];
    let mut power = 1;
    while !members[power as usize] {
        members[power as usize] = true;
        power = power * (PUBLIC_EXPONENT % prime) % prime;
    }
    members
}

/// Fermat's method: factors that share their upper half fall at once (CVE-2022-26320).
fn has_close_factors(modulus: &BigUint) -> bool {
    let mut mean = modulus.sqrt();
    if &mean * &mean == *modulus {
        return true;
    }
    (0..FERMAT_STEPS).any(|_| {
        mean += 1u8;
        let distance = &mean * &mean - modulus;
        let root = distance.sqrt();
        &root * &root == distance
    })
}

fn primes_below(bound: usize) -> impl Iterator<Item = usize> {
    let mut composite = vec![false; bound];
    for factor in 2..bound {
        if !composite[factor] {
            (factor * factor..bound)
                .step_by(factor)
                .for_each(|multiple| composite[multiple] = true);
        }
    }
    (2..bound).filter(move |number| !composite[*number])
}

/// Why a device's modulus was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// It is no modulus at all.
    #[error(transparent)]
    NoModulus(#[from] ModulusError),
    /// It has another length than every device modulus.
    #[error("the modulus has {bits} bits instead of {BITS}")]
    Length {
        /// Its length.
        bits: usize,
    },
    /// A small prime divides it.
    #[error("the modulus has a small factor")]
    SmallFactor,
    /// Its factors are close together.
    #[error("the modulus has two close factors")]
    CloseFactors,
    /// It comes from a generator that is known to be broken.
    #[error("the modulus has the fingerprint of CVE-2017-15361 (ROCA)")]
    Roca,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::{device_share, number, rsa_prime_above, service_share};

    #[test]
    fn takes_ordinary_moduli() {
        for share in [device_share(), service_share()] {
            let octets = share.modulus.to_octets();
            assert_eq!(examine(&octets), Ok(share.modulus));
            assert!(examine(&[&[0, 0], &octets[..]].concat()).is_ok());
        }
    }

    #[test]
    fn refuses_what_is_too_short_or_too_long() {
        let modulus = device_share().modulus;
        for bits in [16, 1024, 2047, 2049, 4096] {
            let number: BigUint =
                (modulus.value() << 2100u32 >> (4148 - bits)) | BigUint::from(1u8);
            assert_eq!(number.bits(), bits as u64);
            assert_eq!(
                examine(&number.to_bytes_be()),
                Err(KeyRefusal::Length { bits })
            );
        }
    }

    #[test]
    fn refuses_what_is_no_modulus() {
        let even = device_share().modulus.value() - 1u8;
        assert_eq!(
            examine(&even.to_bytes_be()),
            Err(KeyRefusal::NoModulus(ModulusError::Even))
        );
        assert_eq!(examine(&[]), Err(KeyRefusal::NoModulus(ModulusError::Even)));
        assert!(matches!(
            examine(&[0xff; 4096]),
            Err(KeyRefusal::NoModulus(ModulusError::Length { .. }))
        ));
    }

    #[test]
    fn refuses_small_factors() {
        for factor in [3u32, 101, 16_381] {
            let mut cofactor = (device_share().modulus.value() / factor) | BigUint::from(1u8);
            while (&cofactor * factor).bits() < 2048 {
                cofactor += 2u8;
            }
            let modulus = cofactor * factor;
            assert_eq!(
                examine(&modulus.to_bytes_be()),
                Err(KeyRefusal::SmallFactor)
            );
        }
    }

    #[test]
    fn refuses_close_factors() {
        let p = rsa_prime_above(&number(&format!("e{}", "5a".repeat(127) + "1")));
        let q = rsa_prime_above(&(&p + 2u8));
        assert_eq!(
            examine(&(&p * &p).to_bytes_be()),
            Err(KeyRefusal::CloseFactors)
        );
        assert_eq!(
            examine(&(&p * &q).to_bytes_be()),
            Err(KeyRefusal::CloseFactors)
        );
    }

    /// A key of the published form (Nemec et al., CCS 2017, section 2.2): for 2048 bits, `M` is the
    /// product of the first 126 primes. The two multiples of it were searched for primes.
    #[test]
    fn refuses_the_roca_fingerprint() {
        let primes: Vec<usize> = primes_below(702).collect();
        assert_eq!(primes.len(), 126);
        let product: BigUint = primes
            .iter()
            .map(|prime| BigUint::from(*prime as u64))
            .product();
        let prime_of_form = |multiple: u64, exponent: u32| {
            multiple * &product + BigUint::from(PUBLIC_EXPONENT).modpow(&exponent.into(), &product)
        };
        let p = prime_of_form(0x001c_d9f9_c033_73c4, 123_457);
        let q = prime_of_form(0x001f_b42c_b89b_c1b5, 987_654);
        assert_eq!(rsa_prime_above(&p), p);
        assert_eq!(rsa_prime_above(&q), q);
        assert_eq!(examine(&(&p * &q).to_bytes_be()), Err(KeyRefusal::Roca));

        // One factor of that form does not make the fingerprint.
        let ordinary = number(crate::test_keys::DEVICE_Q);
        assert!(examine(&(&p * ordinary).to_bytes_be()).is_ok());
    }

    #[test]
    fn the_fingerprint_is_as_rare_as_published() {
        // For these primes alone 65537 generates less than all residues (the table of the authors'
        // detector lists the same).
        let telling: Vec<u32> = primes_below(168)
            .map(|prime| prime as u32)
            .filter(|prime| *prime >= 11)
            .filter(|prime| {
                let members = subgroup_of_public_exponent(*prime);
                members.iter().filter(|member| **member).count() < *prime as usize - 1
            })
            .collect();
        assert_eq!(
            telling,
            [
                11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157
            ]
        );
    }

    #[test]
    fn prefers_moduli_that_make_4096_bits_likely() {
        let of_tenths = |tenths: u32| {
            let value = ((BigUint::from(tenths) << BITS) / 100u8) | BigUint::from(1u8);
            Modulus::from_value(value).unwrap()
        };
        assert!(!prefers(&of_tenths(51)));
        assert!(!prefers(&of_tenths(69)));
        assert!(prefers(&of_tenths(71)));
        assert!(prefers(&of_tenths(99)));
    }
}
