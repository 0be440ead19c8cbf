//! Keys for tests: two RSA-2048 shares whose product has 4096 bits, and small ones of any length.

use num_bigint::BigUint;
use num_integer::Integer;

use crate::encoding::EncodedMessage;
use crate::split_key::{
    Modulus, PUBLIC_EXPONENT, PartialSignature, VerifiedPartialSignature, to_octets,
};

/// What in the product only hardware holds.
pub(crate) struct Share {
    pub(crate) modulus: Modulus,
    private_exponent: BigUint,
}

impl Share {
    /// `p` and `q` are odd primes, and neither is 1 modulo 65537.
    pub(crate) fn of_primes(p: &BigUint, q: &BigUint) -> Self {
        let one = BigUint::from(1u8);
        let order = (p - &one).lcm(&(q - &one));
        Self {
            modulus: Modulus::from_octets(&(p * q).to_bytes_be()).unwrap(),
            private_exponent: BigUint::from(PUBLIC_EXPONENT).modinv(&order).unwrap(),
        }
    }

    /// The half that this share makes of a signature.
    pub(crate) fn sign(&self, message: &EncodedMessage) -> PartialSignature {
        let reduced = BigUint::from_bytes_be(&message.reduced(&self.modulus));
        let half = reduced.modpow(&self.private_exponent, self.modulus.value());
        PartialSignature::from_octets(to_octets(&half, self.modulus.octets()))
    }

    /// The same, found right.
    pub(crate) fn half(&self, message: &EncodedMessage) -> VerifiedPartialSignature {
        self.sign(message).verified(message, &self.modulus).unwrap()
    }
}

/// The device's share; its factors are only good for tests.
pub(crate) fn device_share() -> Share {
    Share::of_primes(&number(DEVICE_P), &number(DEVICE_Q))
}

/// The service's share.
pub(crate) fn service_share() -> Share {
    Share::of_primes(&number(SERVICE_P), &number(SERVICE_Q))
}

/// The smallest prime above `start` that an RSA key with exponent 65537 can have.
pub(crate) fn rsa_prime_above(start: &BigUint) -> BigUint {
    let mut candidate = start | BigUint::from(1u8);
    loop {
        let fits = &candidate % PUBLIC_EXPONENT != BigUint::from(1u8);
        if fits && is_probably_prime(&candidate) {
            return candidate;
        }
        candidate += 2u8;
    }
}

/// Miller and Rabin with fixed bases: enough for numbers that nobody chose to deceive.
fn is_probably_prime(candidate: &BigUint) -> bool {
    let one = BigUint::from(1u8);
    let below = candidate - &one;
    let twos = below.trailing_zeros().unwrap();
    let odd = &below >> twos;
    [2u8, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
        .into_iter()
        .map(BigUint::from)
        .filter(|base| base < candidate)
        .all(|base| {
            let mut power = base.modpow(&odd, candidate);
            let mut passes = power == one || power == below;
            for _ in 1..twos {
                power = &power * &power % candidate;
                passes |= power == below;
            }
            passes
        })
}

pub(crate) fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).unwrap()
}

const DEVICE_P: &str = "\
    e342d7379f86ec85978cd10d95102be350eabdb27c6eccf08fbcc85403439ccccdd96743e8347214\
     3433179e23fe5e330ce31ee9b9c60b279355bd5185dd34074ee9348d23926c27af151eecb09574a9\
     76f3cd206a0b90330fd1fb2eb19e18e5c0818ba2931f5770807adbcbc41720224a1cae4ce55eb6c4\
     4aa0a77defb85233";
pub(crate) const DEVICE_Q: &str = "\
    e27f9264d0856e4d9e02dfca4203c9c92f218cc8545293b915e42f0733b60160b56b48515671c530\
     e09a77e81666cec840806a635cb78d17d32a0bfadd886a87f1a0932800eecc1e37b2d9b028620c1a\
     011d185045e5aca1752600db1df3698004f822bdc9607e986eca9f1b99f1b83ce0991391727840a3\
     54117f1b23603e21";
const SERVICE_P: &str = "\
    ff9b669250b87f21869566d1e9cb95562420a6a582dddb5912ce4cecaf3aaaf467e59e98e832702c\
     0270713450e9675511f81bf90556d364c68414782aca35c977ce4dfc38b62c5778b6f6b76b4f2c9f\
     d60cdc9e4096ade6322187e61635586e79cf60c62695d7aebbb9ebbb51ac66dcfb559a6a3bac5433\
     db3556546f308ab1";
const SERVICE_Q: &str = "\
    b97dbdfacaeda40e7e8117e5dfda95972ce80be445abfd07c27f09e57cfe2598f08fb7576288b3ad\
     20c1d3dfe57d30e31efec877b38b099009ece3c411f83529a1401b2ac27f651a1ca6ce21e875513d\
     8d9543111e3ff069d80b66bd8aa6051dabe8b22ba60c8a5eaf0525f6b424818a15a3206e79366966\
     3df451be0a2741b3";
