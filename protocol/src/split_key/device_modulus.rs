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
/// subgroup of the residues that 65537 generates: for about one other modulus in 2^27 it does by
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
    let mut mean = modulus.sqrt() + 1u8;
    (0..FERMAT_STEPS).any(|_| {
        let distance = &mean * &mean - modulus;
        mean += 1u8;
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
